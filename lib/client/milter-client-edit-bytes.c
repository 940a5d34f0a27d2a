/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-edit-bytes.c: edits whose values came as bytes: for bindings, whose strings are
 * UTF-8, while a mail's need not be.
 */
#include <string.h>

#include "milter-client-context-private.h"

/* (transfer full) (nullable): with a NUL behind it, and none in it */
static char *
to_string (GBytes *bytes, guint8 letter, GError **error)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (size == 0 || memchr (data, '\0', size) == NULL)
    return g_strndup (data != NULL ? data : "", size);
  g_set_error (error,
               MILTER_CLIENT_CONTEXT_ERROR,
               MILTER_CLIENT_CONTEXT_ERROR_INVALID_VALUE,
               "%s (%s): a NUL cannot stand in the value",
               spec->word,
               spec->field_name);
  return NULL;
}

/**
 * milter_client_context_add_header_bytes:
 * @context: a context at the end of a message
 * @name: the field's name
 * @value: its value: any bytes but NUL
 * @error: return location for an error
 *
 * As milter_client_context_add_header(), with a value that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_add_header_bytes (MilterClientContext *context,
                                        const char *name,
                                        GBytes *value,
                                        GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  string = to_string (value, MILTER_REPLY_ADD_HEADER, error);
  return string != NULL && milter_client_context_add_header (context, name, string, error);
}

/**
 * milter_client_context_insert_header_bytes:
 * @context: a context at the end of a message
 * @index: before which field, 0 is the top; which fields count differs between MTAs
 * @name: the field's name
 * @value: its value: any bytes but NUL
 * @error: return location for an error
 *
 * As milter_client_context_insert_header(), with a value that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_insert_header_bytes (MilterClientContext *context,
                                           guint32 index,
                                           const char *name,
                                           GBytes *value,
                                           GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  string = to_string (value, MILTER_REPLY_INSERT_HEADER, error);
  return string != NULL
         && milter_client_context_insert_header (context, index, name, string, error);
}

/**
 * milter_client_context_change_header_bytes:
 * @context: a context at the end of a message
 * @name: the field's name
 * @index: which of those with that name; 1 is the first
 * @value: its new value: any bytes but NUL; none deletes the field
 * @error: return location for an error
 *
 * As milter_client_context_change_header(), with a value that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_change_header_bytes (MilterClientContext *context,
                                           const char *name,
                                           guint32 index,
                                           GBytes *value,
                                           GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);
  string = to_string (value, MILTER_REPLY_CHANGE_HEADER, error);
  return string != NULL
         && milter_client_context_change_header (context, name, index, string, error);
}

/**
 * milter_client_context_change_from_bytes:
 * @context: a context at the end of a message
 * @from: the new sender: any bytes but NUL; `<>` for none
 * @parameters: (nullable): ESMTP arguments, separated by blanks
 * @error: return location for an error
 *
 * As milter_client_context_change_from(), with an address that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_change_from_bytes (MilterClientContext *context,
                                         GBytes *from,
                                         const char *parameters,
                                         GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (from != NULL, FALSE);
  string = to_string (from, MILTER_REPLY_CHANGE_FROM, error);
  return string != NULL
         && milter_client_context_change_from (context, string, parameters, error);
}

/**
 * milter_client_context_add_recipient_bytes:
 * @context: a context at the end of a message
 * @recipient: the address: any bytes but NUL
 * @parameters: (nullable): ESMTP arguments, separated by blanks; they need an action of their own
 * @error: return location for an error
 *
 * As milter_client_context_add_recipient(), with an address that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_add_recipient_bytes (MilterClientContext *context,
                                           GBytes *recipient,
                                           const char *parameters,
                                           GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (recipient != NULL, FALSE);
  string = to_string (recipient, MILTER_REPLY_ADD_RECIPIENT, error);
  return string != NULL
         && milter_client_context_add_recipient (context, string, parameters, error);
}

/**
 * milter_client_context_delete_recipient_bytes:
 * @context: a context at the end of a message
 * @recipient: the address exactly as it came
 * @error: return location for an error
 *
 * As milter_client_context_delete_recipient(), with an address that need not be UTF-8.
 *
 * Returns: %FALSE if it was not sent
 */
gboolean
milter_client_context_delete_recipient_bytes (MilterClientContext *context,
                                              GBytes *recipient,
                                              GError **error)
{
  g_autofree char *string = NULL;

  g_return_val_if_fail (MILTER_IS_CLIENT_CONTEXT (context), FALSE);
  g_return_val_if_fail (recipient != NULL, FALSE);
  string = to_string (recipient, MILTER_REPLY_DELETE_RECIPIENT, error);
  return string != NULL && milter_client_context_delete_recipient (context, string, error);
}
