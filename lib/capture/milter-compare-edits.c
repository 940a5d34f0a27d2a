/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-edits.c: the edits of two messages, as sets.
 *
 * Equal ones go away first, then those that are equal but for what the rules leave out; what is
 * left over belongs together by its kind and its field. Order shows in the mail that they make.
 */
#include "milter-compare-private.h"

#include <string.h>

#include "milter-text.h"

/* an edit, taken apart */
typedef struct
{
  const MilterRecordedEdit *edit;
  const MilterRecordedMessage *owner;
  MilterMessage message;
  guint32 index;    /* of insert-header and change-header */
  MilterBytes name; /* of a header edit */
  MilterBytes text; /* the value, the address, the reason */
  guint partner;    /* the one that it belongs to, from 1; 0: none yet */
} Edit;

typedef struct
{
  Edit *items;
  guint n;
} EditList;

/* where the parts of each edit stand among its fields; -1: there is none */
static const struct
{
  guint8 letter;
  int index, name, text;
} parts[] = {
  { MILTER_REPLY_ADD_HEADER, -1, 0, 1 },
  { MILTER_REPLY_INSERT_HEADER, 0, 1, 2 },
  { MILTER_REPLY_CHANGE_HEADER, 0, 1, 2 },
  { MILTER_REPLY_ADD_RECIPIENT, -1, -1, 0 },
  { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, -1, -1, 0 },
  { MILTER_REPLY_DELETE_RECIPIENT, -1, -1, 0 },
  { MILTER_REPLY_CHANGE_FROM, -1, -1, 0 },
  { MILTER_REPLY_QUARANTINE, -1, -1, 0 },
};

static void
take_parts (Edit *edit)
{
  const MilterMessage *message = &edit->message;

  edit->text = message->payload;
  for (gsize i = 0; i < G_N_ELEMENTS (parts) && message->fault == MILTER_NO_FAULT; i++)
    {
      if (parts[i].letter != message->letter)
        continue;
      if (parts[i].index >= 0)
        edit->index = message->fields[parts[i].index].number;
      if (parts[i].name >= 0)
        edit->name = message->fields[parts[i].name].bytes;
      edit->text = message->fields[parts[i].text].bytes;
      /* with HDR_LEADSPC the milter sends the blank behind the colon */
      if (parts[i].name >= 0 && edit->owner->leading_space && edit->text.size > 0
          && edit->text.data[0] == ' ')
        edit->text = milter_bytes (edit->text.data + 1, edit->text.size - 1);
    }
}

static EditList
list_edits (const MilterRecordedMessage *message)
{
  EditList list = { .n = message->edits->len };

  list.items = g_new0 (Edit, list.n);
  for (guint i = 0; i < list.n; i++)
    {
      Edit *edit = &list.items[i];

      edit->edit = g_ptr_array_index (message->edits, i);
      edit->owner = message;
      milter_recorded_edit_get_message (edit->edit, &edit->message);
      take_parts (edit);
    }
  return list;
}

static const char *
word_of (const Edit *edit)
{
  return edit->message.spec->word;
}

/* --- keys
 * ------------------------------------------------------------------------------------------------
 */

static void
append_bytes (GString *key, MilterBytes bytes)
{
  g_string_append_printf (key, "%" G_GSIZE_FORMAT ":", bytes.size);
  g_string_append_len (key, (const char *) bytes.data, (gssize) bytes.size);
}

static void
append_name (GString *key, const Edit *edit)
{
  gsize from;

  g_string_append (key, word_of (edit));
  g_string_append_c (key, ' ');
  from = key->len;
  append_bytes (key, edit->name);
  for (gsize i = from; i < key->len; i++)
    key->str[i] = g_ascii_tolower (key->str[i]);
}

/* what must be equal for two edits to be … */
typedef void (*KeyOf) (const MilterCompare *compare, const Edit *edit, GString *key);

/* … the same */
static void
key_of_same (const MilterCompare *compare, const Edit *edit, GString *key)
{
  append_name (key, edit);
  g_string_append_printf (key, " %u ", edit->index);
  append_bytes (key, edit->text);
  /* the arguments of a sender and a recipient */
  if (edit->message.spec->fields[1].layout == MILTER_LAYOUT_STRINGS
      && edit->message.fault == MILTER_NO_FAULT)
    append_bytes (key, edit->message.fields[1].bytes);
  if (edit->message.fault != MILTER_NO_FAULT)
    g_string_append (key, " malformed");
  g_string_append_printf (key,
                          " %" G_GUINT64_FORMAT " %s",
                          edit->edit->body.size,
                          edit->edit->body.digest != NULL ? edit->edit->body.digest : "");
}

/* Rules for texts are about values and reasons. Addresses have to be what they are, and a body is
 * compared line by line. */
static bool
is_text (const Edit *edit)
{
  return edit->name.size > 0 || edit->edit->letter == MILTER_REPLY_QUARANTINE;
}

/* … the same but for what the rules leave out */
static void
key_of_passing (const MilterCompare *compare, const Edit *edit, GString *key)
{
  MilterCompareText text = { edit->text, edit->owner };
  guint bits = is_text (edit) ? compare->rules->bits & MILTER_RULES_OF_TEXT : 0;
  GString *bare = milter_compare_normalise (compare->rules, bits, edit->name, &text);
  Edit other = *edit;

  other.text = milter_compare_bytes (bare);
  key_of_same (compare, &other, key);
  g_string_free (bare, TRUE);
}

/* … about the same thing */
static void
key_of_subject (const MilterCompare *compare, const Edit *edit, GString *key)
{
  append_name (key, edit);
}

static GString *
key_new (const MilterCompare *compare, const Edit *edit, KeyOf key_of)
{
  GString *key = g_string_new (NULL);

  key_of (compare, edit, key);
  return key;
}

static void
key_free (gpointer key)
{
  g_string_free (key, TRUE);
}

static guint
key_hash (gconstpointer key)
{
  return g_string_hash (key);
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return g_string_equal (a, b);
}

/* Finds partners among those that have none; calls @found for each pair. */
static void
match (MilterCompare *compare,
       EditList lists[2],
       KeyOf key_of,
       void (*found) (MilterCompare *compare, const Edit *a, const Edit *b))
{
  g_autoptr (GHashTable) others
      = g_hash_table_new_full (key_hash, key_equal, key_free, (GDestroyNotify) g_queue_free);

  for (guint i = 0; i < lists[1].n; i++)
    {
      GString *key;
      GQueue *queue;

      if (lists[1].items[i].partner != 0)
        continue;
      key = key_new (compare, &lists[1].items[i], key_of);
      queue = g_hash_table_lookup (others, key);
      if (queue == NULL)
        g_hash_table_insert (others, key, queue = g_queue_new ());
      else
        key_free (key);
      g_queue_push_tail (queue, GUINT_TO_POINTER (i + 1));
    }
  for (guint i = 0; i < lists[0].n; i++)
    {
      Edit *one = &lists[0].items[i];
      GString *key;
      GQueue *queue;
      guint number;

      if (one->partner != 0)
        continue;
      key = key_new (compare, one, key_of);
      queue = g_hash_table_lookup (others, key);
      key_free (key);
      number = queue != NULL ? GPOINTER_TO_UINT (g_queue_pop_head (queue)) : 0;
      if (number == 0)
        continue;
      one->partner = number;
      lists[1].items[number - 1].partner = i + 1;
      if (found != NULL)
        found (compare, one, &lists[1].items[number - 1]);
    }
}

/* --- telling
 * --------------------------------------------------------------------------------------------- */

static char *
text_of_edit (const Edit *edit)
{
  MilterTextFlags flags = MILTER_TEXT_SHORT;

  if (edit->edit->letter == MILTER_REPLY_REPLACE_BODY)
    return g_strdup_printf (
        "%s, %" G_GUINT64_FORMAT " bytes", word_of (edit), edit->edit->body.size);
  if (edit->owner->leading_space)
    flags |= MILTER_TEXT_LEADING_SPACE;
  return milter_message_to_text (&edit->message, flags);
}

/* `add-header X-Spam` */
static char *
text_of_subject (const Edit *edit)
{
  GString *text = g_string_new ("edit ");

  g_string_append (text, word_of (edit));
  if (edit->name.size > 0)
    {
      g_string_append_c (text, ' ');
      milter_text_append_word (edit->name, MILTER_TEXT_SHORT, text);
    }
  return g_string_free (text, FALSE);
}

/* what of the mail the edit is about, as milter-compare-mail.c asks for it */
static void
tell_subject (MilterCompare *compare, const Edit *edit, const char *by)
{
  static const struct
  {
    guint8 letter;
    const char *what;
  } subjects[] = {
    { MILTER_REPLY_REPLACE_BODY, "body" },
    { MILTER_REPLY_ADD_RECIPIENT, "rcpt" },
    { MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS, "rcpt" },
    { MILTER_REPLY_DELETE_RECIPIENT, "rcpt" },
    { MILTER_REPLY_CHANGE_FROM, "mail" },
    { MILTER_REPLY_QUARANTINE, "quarantine" },
  };
  g_autofree char *what = NULL;
  g_autofree char *told = NULL;

  if (edit->name.size > 0)
    what = g_strdup_printf ("field %.*s", (int) edit->name.size, (const char *) edit->name.data);
  for (gsize i = 0; i < G_N_ELEMENTS (subjects); i++)
    if (subjects[i].letter == edit->edit->letter)
      what = g_strdup (subjects[i].what);
  if (what == NULL)
    return;
  told = g_strdup_printf ("%s%s", by != NULL ? "ignored " : "", what);
  milter_compare_tell (compare, told);
}

/* the rule that lets any difference of this edit pass; NULL: none */
static const char *
rule_for (const MilterCompare *compare, const Edit *edit)
{
  if (edit->name.size > 0 && milter_compare_ignores_header (compare->rules, edit->name))
    return "header";
  if (milter_compare_ignores_edit (compare->rules, word_of (edit)))
    return "edits";
  return NULL;
}

static void
tell (MilterCompare *compare, const Edit *a, const Edit *b, const char *by)
{
  /* an edit that did not come did not come up to the verdict */
  const MilterCaptureMoment *ends[]
      = { &compare->messages[0]->ended, &compare->messages[1]->ended };
  const Edit *any = a != NULL ? a : b;

  if (by == NULL)
    by = rule_for (compare, any);
  tell_subject (compare, any, by);
  milter_compare_add (compare,
                      MILTER_DIFFERENCE_EDITS,
                      text_of_subject (any),
                      a != NULL ? text_of_edit (a) : g_strdup ("no such edit"),
                      b != NULL ? text_of_edit (b) : g_strdup ("no such edit"),
                      a != NULL ? &a->edit->at : ends[0],
                      b != NULL ? &b->edit->at : ends[1],
                      by);
}

static void
tell_passing (MilterCompare *compare, const Edit *a, const Edit *b)
{
  MilterCompareText texts[] = { { a->text, a->owner }, { b->text, b->owner } };
  GString *by = g_string_new (NULL);

  milter_compare_texts_pass (compare->rules, a->name, &texts[0], &texts[1], by);
  tell (compare, a, b, by->str);
  g_string_free (by, TRUE);
}

static void
tell_changed (MilterCompare *compare, const Edit *a, const Edit *b)
{
  const char *by = rule_for (compare, a);

  if (a->edit->letter != MILTER_REPLY_REPLACE_BODY || by != NULL)
    {
      tell (compare, a, b, by);
      return;
    }
  tell_subject (compare, a, /* by= */ NULL);
  milter_compare_bodies (compare,
                         MILTER_DIFFERENCE_EDITS,
                         "edit replace-body",
                         &a->edit->body,
                         &b->edit->body,
                         &a->edit->at,
                         &b->edit->at);
}

static void
tell_order (MilterCompare *compare, EditList lists[2])
{
  guint latest = 0;
  g_autofree char *first = NULL, *second = NULL;

  for (guint i = 0; i < lists[0].n; i++)
    {
      guint partner = lists[0].items[i].partner;

      if (partner == 0)
        continue;
      if (partner < latest)
        {
          first = text_of_edit (&lists[0].items[i]);
          second = text_of_edit (&lists[1].items[latest - 1]);
          milter_compare_add (compare,
                              MILTER_DIFFERENCE_EDITS,
                              g_strdup ("order of the edits"),
                              g_strdup_printf ("%s behind %s", first, second),
                              g_strdup_printf ("%s before it", first),
                              &lists[0].items[i].edit->at,
                              &lists[1].items[partner - 1].edit->at,
                              (compare->rules->bits & MILTER_RULE_EDIT_ORDER) != 0 ? "edit-order"
                                                                                   : NULL);
          return;
        }
      latest = partner;
    }
}

void
milter_compare_edits (MilterCompare *compare)
{
  EditList lists[] = { list_edits (compare->messages[0]), list_edits (compare->messages[1]) };

  match (compare, lists, key_of_same, /* found= */ NULL);
  if ((compare->rules->bits & MILTER_RULES_OF_TEXT) != 0)
    match (compare, lists, key_of_passing, tell_passing);
  match (compare, lists, key_of_subject, tell_changed);
  for (guint i = 0; i < lists[0].n; i++)
    if (lists[0].items[i].partner == 0)
      tell (compare, &lists[0].items[i], NULL, /* by= */ NULL);
  for (guint i = 0; i < lists[1].n; i++)
    if (lists[1].items[i].partner == 0)
      tell (compare, NULL, &lists[1].items[i], /* by= */ NULL);
  tell_order (compare, lists);
  g_free (lists[0].items);
  g_free (lists[1].items);
}
