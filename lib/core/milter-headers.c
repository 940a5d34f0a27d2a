/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-headers.c: a queue of header fields.
 */
#include "milter-headers.h"

#include <string.h>

struct _MilterHeaders
{
  GObject parent_instance;

  GQueue fields;
};

G_DEFINE_TYPE (MilterHeaders, milter_headers, G_TYPE_OBJECT)

static void
milter_headers_finalize (GObject *object)
{
  g_queue_clear_full (&MILTER_HEADERS (object)->fields, (GDestroyNotify) milter_header_free);
  G_OBJECT_CLASS (milter_headers_parent_class)->finalize (object);
}

static void
milter_headers_class_init (MilterHeadersClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = milter_headers_finalize;
}

static void
milter_headers_init (MilterHeaders *headers)
{
  g_queue_init (&headers->fields);
}

/**
 * milter_headers_new:
 *
 * Returns: (transfer full): an empty list
 */
MilterHeaders *
milter_headers_new (void)
{
  return g_object_new (MILTER_TYPE_HEADERS, NULL);
}

/**
 * milter_headers_copy:
 * @headers: a list
 *
 * Returns: (transfer full): another list with copies of all its fields
 */
MilterHeaders *
milter_headers_copy (MilterHeaders *headers)
{
  MilterHeaders *copy;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), NULL);

  copy = milter_headers_new ();
  for (GList *node = headers->fields.head; node != NULL; node = node->next)
    g_queue_push_tail (&copy->fields, milter_header_copy (node->data));
  return copy;
}

/**
 * milter_headers_get_list:
 * @headers: a list
 *
 * Returns: (transfer none) (element-type MilterHeader) (nullable): the fields, %NULL if there are
 *   none; valid until the next change
 */
const GList *
milter_headers_get_list (MilterHeaders *headers)
{
  g_return_val_if_fail (MILTER_IS_HEADERS (headers), NULL);

  return headers->fields.head;
}

/* a field without a name cannot be written */
static MilterHeader *
new_field (const char *name, const char *value)
{
  return name == NULL || *name == '\0' ? NULL : milter_header_new (name, value);
}

/* the @index-th of a name, counted from 1; 0 counts as 1, as it does on the wire (MOD-19) */
static GList *
find_by_name (MilterHeaders *headers, const char *name, guint index)
{
  guint seen = 0;

  for (GList *node = headers->fields.head; node != NULL; node = node->next)
    if (strcmp (((MilterHeader *) node->data)->name, name) == 0 && ++seen >= index)
      return node;
  return NULL;
}

static void
delete_node (MilterHeaders *headers, GList *node)
{
  milter_header_free (node->data);
  g_queue_delete_link (&headers->fields, node);
}

/**
 * milter_headers_add_header:
 * @headers: a list
 * @name: a name
 * @value: (nullable): a value
 *
 * Adds a field as sendmail does: before the first field of that name, in any case, else at the end.
 *
 * Returns: %FALSE if @name is %NULL or empty
 */
gboolean
milter_headers_add_header (MilterHeaders *headers, const char *name, const char *value)
{
  MilterHeader *field;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);

  field = new_field (name, value);
  if (field == NULL)
    return FALSE;
  for (GList *node = headers->fields.head; node != NULL; node = node->next)
    if (g_ascii_strcasecmp (((MilterHeader *) node->data)->name, name) == 0)
      {
        g_queue_insert_before (&headers->fields, node, field);
        return TRUE;
      }
  g_queue_push_tail (&headers->fields, field);
  return TRUE;
}

/**
 * milter_headers_append_header:
 * @headers: a list
 * @name: a name
 * @value: (nullable): a value
 *
 * Adds a field at the end.
 *
 * Returns: %FALSE if @name is %NULL or empty
 */
gboolean
milter_headers_append_header (MilterHeaders *headers, const char *name, const char *value)
{
  MilterHeader *field;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);

  field = new_field (name, value);
  if (field == NULL)
    return FALSE;
  g_queue_push_tail (&headers->fields, field);
  return TRUE;
}

/**
 * milter_headers_insert_header:
 * @headers: a list
 * @position: before which field, counted from 0; beyond the last one means at the end
 * @name: a name
 * @value: (nullable): a value
 *
 * Adds a field at a position.
 *
 * Returns: %FALSE if @name is %NULL or empty
 */
gboolean
milter_headers_insert_header (MilterHeaders *headers,
                              guint position,
                              const char *name,
                              const char *value)
{
  MilterHeader *field;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);

  field = new_field (name, value);
  if (field == NULL)
    return FALSE;
  if (position >= headers->fields.length)
    g_queue_push_tail (&headers->fields, field);
  else
    g_queue_push_nth (&headers->fields, field, (int) position);
  return TRUE;
}

/**
 * milter_headers_change_header:
 * @headers: a list
 * @name: a name, in the case of the list
 * @index: which of the fields of that name, counted from 1
 * @value: (nullable): its new value; %NULL deletes the field
 *
 * Changes a field. If there is no such field, it is added as by milter_headers_add_header().
 *
 * Returns: %FALSE if @name is %NULL or empty, or if there is nothing to delete
 */
gboolean
milter_headers_change_header (MilterHeaders *headers,
                              const char *name,
                              guint index,
                              const char *value)
{
  GList *node;
  MilterHeader *field;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);

  if (value == NULL)
    return milter_headers_delete_header (headers, name, index);
  if (name == NULL || *name == '\0')
    return FALSE;
  node = find_by_name (headers, name, index);
  if (node == NULL)
    return milter_headers_add_header (headers, name, value);
  /* @value may be the field's own */
  field = node->data;
  node->data = milter_header_new (name, value);
  milter_header_free (field);
  return TRUE;
}

/**
 * milter_headers_delete_header:
 * @headers: a list
 * @name: a name, in the case of the list
 * @index: which of the fields of that name, counted from 1
 *
 * Takes a field out. Later fields of the name move up.
 *
 * Returns: whether there was such a field
 */
gboolean
milter_headers_delete_header (MilterHeaders *headers, const char *name, guint index)
{
  GList *node;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);

  node = name == NULL ? NULL : find_by_name (headers, name, index);
  if (node == NULL)
    return FALSE;
  delete_node (headers, node);
  return TRUE;
}

/**
 * milter_headers_length:
 * @headers: a list
 *
 * Returns: how many fields there are
 */
guint
milter_headers_length (MilterHeaders *headers)
{
  g_return_val_if_fail (MILTER_IS_HEADERS (headers), 0);

  return headers->fields.length;
}

/**
 * milter_headers_get_nth_header:
 * @headers: a list
 * @index: which field, counted from 1
 *
 * Returns: (transfer none) (nullable): the field, %NULL if there are not so many
 */
MilterHeader *
milter_headers_get_nth_header (MilterHeaders *headers, guint index)
{
  g_return_val_if_fail (MILTER_IS_HEADERS (headers), NULL);

  if (index == 0 || index > headers->fields.length)
    return NULL;
  return g_queue_peek_nth (&headers->fields, index - 1);
}

/**
 * milter_headers_find:
 * @headers: a list
 * @header: a field
 *
 * Returns: (transfer none) (nullable): the first field of the list that is equal to it
 */
MilterHeader *
milter_headers_find (MilterHeaders *headers, MilterHeader *header)
{
  GList *node;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), NULL);
  g_return_val_if_fail (header != NULL, NULL);

  node = g_queue_find_custom (&headers->fields, header, (GCompareFunc) milter_header_compare);
  return node == NULL ? NULL : node->data;
}

/**
 * milter_headers_lookup_by_name:
 * @headers: a list
 * @name: a name, in the case of the list
 *
 * Returns: (transfer none) (nullable): the first field of that name
 */
MilterHeader *
milter_headers_lookup_by_name (MilterHeaders *headers, const char *name)
{
  GList *node;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  node = find_by_name (headers, name, 1);
  return node == NULL ? NULL : node->data;
}

/**
 * milter_headers_remove:
 * @headers: a list
 * @header: a field; it may be one of the list's own
 *
 * Takes out the first field that is equal to @header.
 *
 * Returns: whether there was one
 */
gboolean
milter_headers_remove (MilterHeaders *headers, MilterHeader *header)
{
  GList *node;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), FALSE);
  g_return_val_if_fail (header != NULL, FALSE);

  node = g_queue_find_custom (&headers->fields, header, (GCompareFunc) milter_header_compare);
  if (node == NULL)
    return FALSE;
  delete_node (headers, node);
  return TRUE;
}

/**
 * milter_headers_index_in_same_header_name:
 * @headers: a list
 * @header: a field
 *
 * Returns: which one the first field equal to @header is among those of its name, counted from 1;
 *   -1 if there is none
 */
int
milter_headers_index_in_same_header_name (MilterHeaders *headers, MilterHeader *header)
{
  int index = 0;

  g_return_val_if_fail (MILTER_IS_HEADERS (headers), -1);
  g_return_val_if_fail (header != NULL, -1);

  for (GList *node = headers->fields.head; node != NULL; node = node->next)
    {
      MilterHeader *field = node->data;

      index += strcmp (field->name, header->name) == 0;
      if (milter_header_equal (field, header))
        return index;
    }
  return -1;
}
