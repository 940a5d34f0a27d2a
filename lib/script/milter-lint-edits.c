/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-edits.c: edits: when they may come, and whom and what they name.
 */
#include "milter-lint-private.h"

#include <string.h>

MilterBytes
milter_lint_bare_address (MilterBytes address)
{
  if (address.size >= 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    return milter_bytes (address.data + 1, address.size - 2);
  return address;
}

/* `add-rcpt "<a b>"` */
static void
append_edit (GString *what, const MilterLintEvent *event, MilterBytes about)
{
  milter_lint_append_name (what, event->message);
  g_string_append_c (what, ' ');
  milter_lint_append_quoted (what, about);
}

/* --- when ------------------------------------------------------------------------------------- */

static bool
is_too_late (const MilterLintEvent *event)
{
  return event->due == 0 && event->peer->last_command == MILTER_COMMAND_END_OF_MESSAGE;
}

bool
milter_lint_edit_outside (const MilterLintEvent *event, GString *what)
{
  guint8 command = event->due != 0 ? event->due : event->peer->last_command;

  if (event->due == MILTER_COMMAND_END_OF_MESSAGE || is_too_late (event))
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append_printf (
      what, " came after %s, not at the end of a message", milter_lint_command (command));
  return true;
}

bool
milter_lint_edit_too_late (const MilterLintEvent *event, GString *what)
{
  if (!is_too_late (event))
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append (what, " came after the answer to eom");
  return true;
}

bool
milter_lint_edit_without_action (const MilterLintEvent *event, GString *what)
{
  const MilterSession *session = &event->peer->session;
  guint32 needed = event->message->spec->action;
  g_autofree char *name = NULL;

  if (session->state < MILTER_SESSION_READY || (session->agreed.actions & needed) == needed)
    return false;
  name = milter_actions_to_string (needed);
  milter_lint_append_name (what, event->message);
  g_string_append_printf (what, " came, but the milter did not negotiate %s", name);
  return true;
}

static gsize
agreed_limit (const MilterSession *session)
{
  if ((session->agreed.steps & (guint32) MILTER_STEP_MDS_1M) != 0)
    return (1u << 20) - 1;
  if ((session->agreed.steps & MILTER_STEP_MDS_256K) != 0)
    return (1u << 18) - 1;
  return MILTER_LIMIT_FROM_MTA;
}

bool
milter_lint_edit_too_large (const MilterLintEvent *event, GString *what)
{
  gsize limit = agreed_limit (&event->peer->session);

  if (event->message->payload.size <= limit)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append_printf (what,
                          " came with %" G_GSIZE_FORMAT " bytes; %" G_GSIZE_FORMAT " were agreed",
                          event->message->payload.size,
                          limit);
  return true;
}

/* --- header ----------------------------------------------------------------------------------- */

bool
milter_lint_get_header (const MilterMessage *message, MilterBytes *name, MilterBytes *value)
{
  guint first = message->letter == MILTER_REPLY_ADD_HEADER ? 0 : 1;

  if (message->fault != MILTER_NO_FAULT)
    return false;
  *name = message->fields[first].bytes;
  *value = message->fields[first + 1].bytes;
  return true;
}

bool
milter_lint_header_malformed (const MilterLintEvent *event, GString *what)
{
  return milter_lint_append_fault (what, event->message);
}

bool
milter_lint_index_too_high (const MilterLintEvent *event, GString *what)
{
  guint32 index = event->message->fields[0].number;

  if (event->message->payload.size < sizeof index || index <= G_MAXINT32)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append_printf (what, " has the index %u, which is negative as an int", index);
  return true;
}

bool
milter_lint_index_zero (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;

  if (!milter_lint_get_header (event->message, &name, &value) || event->message->fields[0].number != 0)
    return false;
  append_edit (what, event, name);
  g_string_append (what, " has the index 0; the first field of a name is 1");
  return true;
}

bool
milter_lint_deletions_ascend (const MilterLintEvent *event, GString *what)
{
  MilterBytes name, value;
  g_autofree char *key = NULL;
  guint32 index, before;

  if (!milter_lint_get_header (event->message, &name, &value))
    return false;
  key = g_ascii_strdown ((const char *) name.data, (gssize) name.size);
  /* 0 counts as 1 */
  index = MAX (event->message->fields[0].number, 1);
  before = GPOINTER_TO_UINT (g_hash_table_lookup (event->peer->deleted, key));
  if (before == 0 || index < before)
    return false;
  append_edit (what, event, name);
  g_string_append_printf (what, " of index %u came after the deletion of index %u", index, before);
  return true;
}

/* --- body ------------------------------------------------------------------------------------- */

bool
milter_lint_body_interrupted (const MilterLintEvent *event, GString *what)
{
  if (!event->peer->body_interrupted || event->due != MILTER_COMMAND_END_OF_MESSAGE)
    return false;
  g_string_append (what, "replace-body came again after another edit or progress had come between");
  return true;
}

/* --- envelope --------------------------------------------------------------------------------- */

bool
milter_lint_address_empty (const MilterLintEvent *event, GString *what)
{
  const MilterMessage *message = event->message;

  /* a string too many is another rule */
  if (message->fault != MILTER_NO_FAULT && message->fault_field == 0)
    return milter_lint_append_fault (what, message);
  if (message->fields[0].bytes.size > 0)
    return false;
  milter_lint_append_name (what, message);
  g_string_append (what, " has an empty address");
  return true;
}

/* what is wrong with an address, NULL: nothing. Blanks may stand in a quoted local part. */
static const char *
find_address_fault (MilterBytes address)
{
  MilterBytes bare = milter_lint_bare_address (address);
  bool quoted = false;

  for (gsize i = 0; i < bare.size; i++)
    {
      guint8 byte = bare.data[i];

      if (byte < ' ' || byte == 0x7f)
        return "holds a control character";
      if (quoted && byte == '\\')
        i++;
      else if (byte == '"')
        quoted = !quoted;
      else if (!quoted && byte == ' ')
        return "holds a blank";
      else if (!quoted && (byte == '<' || byte == '>'))
        return "has an angle bracket without its other half";
    }
  return quoted ? "has an open quote" : NULL;
}

bool
milter_lint_address_malformed (const MilterLintEvent *event, GString *what)
{
  const MilterMessage *message = event->message;
  const char *fault;

  if (message->fault != MILTER_NO_FAULT && message->fault_field == 0)
    return false;
  fault = find_address_fault (message->fields[0].bytes);
  if (fault == NULL)
    return false;
  append_edit (what, event, message->fields[0].bytes);
  g_string_append_printf (what, " %s", fault);
  return true;
}

bool
milter_lint_null_recipient (const MilterLintEvent *event, GString *what)
{
  if (event->message->fault != MILTER_NO_FAULT
      || !milter_bytes_equal_string (event->message->fields[0].bytes, "<>"))
    return false;
  append_edit (what, event, event->message->fields[0].bytes);
  g_string_append (what, " names nobody");
  return true;
}

static const char *
find_in_other_case (GHashTable *recipients, const char *address)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, recipients);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_ascii_strcasecmp (key, address) == 0)
      return key;
  return NULL;
}

bool
milter_lint_recipient_unknown (const MilterLintEvent *event, GString *what)
{
  GHashTable *recipients = event->peer->recipients;
  g_autofree char *address = NULL;
  const char *other;
  MilterBytes bare;

  /* a milter that is not sent the recipients may know them all the same */
  if (event->message->fault != MILTER_NO_FAULT || event->due != MILTER_COMMAND_END_OF_MESSAGE
      || event->message->fields[0].bytes.size == 0 || g_hash_table_size (recipients) == 0
      || !milter_session_is_wanted (&event->peer->session, MILTER_COMMAND_ENVELOPE_RECIPIENT))
    return false;
  bare = milter_lint_bare_address (event->message->fields[0].bytes);
  address = g_strndup ((const char *) bare.data, bare.size);
  if (g_hash_table_contains (recipients, address))
    return false;
  append_edit (what, event, event->message->fields[0].bytes);
  other = find_in_other_case (recipients, address);
  if (other != NULL)
    {
      g_string_append (what, " is written otherwise than the recipient ");
      milter_lint_append_quoted (what, milter_bytes_from_string (other));
    }
  else
    g_string_append (what, " is no recipient of the message");
  return true;
}

bool
milter_lint_arguments_many (const MilterLintEvent *event, GString *what)
{
  return event->message->fault != MILTER_NO_FAULT && event->message->fault_field > 0
         && milter_lint_append_fault (what, event->message);
}

/* what Postfix knows (milter-protocol 3.10) */
static const char *const rcpt_arguments[] = { "NOTIFY=", "ORCPT=", NULL };
static const char *const mail_arguments[] = { "RET=", "ENVID=", NULL };

static bool
is_known_argument (const char *const *known, const char *word)
{
  for (; *known != NULL; known++)
    if (g_ascii_strncasecmp (word, *known, strlen (*known)) == 0)
      return true;
  return false;
}

bool
milter_lint_arguments_odd (const MilterLintEvent *event, GString *what)
{
  const MilterMessage *message = event->message;
  const char *const *known
      = message->letter == MILTER_REPLY_CHANGE_FROM ? mail_arguments : rcpt_arguments;
  MilterBytes strings, arguments;
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;

  if (message->fault != MILTER_NO_FAULT)
    return false;
  strings = message->fields[1].bytes;
  if (!milter_strings_next (&strings, &arguments))
    return false;
  text = g_strndup ((const char *) arguments.data, arguments.size);
  words = g_strsplit (text, " ", -1);
  for (char **word = words; *word != NULL; word++)
    {
      if (**word == '\0' || is_known_argument (known, *word))
        continue;
      milter_lint_append_name (what, message);
      g_string_append (what, " has the argument ");
      milter_lint_append_quoted (what, milter_bytes_from_string (*word));
      return true;
    }
  return false;
}

bool
milter_lint_quarantine_reason (const MilterLintEvent *event, GString *what)
{
  MilterBytes reason;

  if (milter_lint_append_fault (what, event->message))
    return true;
  reason = event->message->fields[0].bytes;
  if (reason.size == 0)
    {
      g_string_append (what, "quarantine has an empty reason");
      return true;
    }
  for (gsize i = 0; i < reason.size; i++)
    if (reason.data[i] < ' ' || reason.data[i] == 0x7f)
      {
        append_edit (what, event, reason);
        g_string_append (what, " holds a line break or another control character");
        return true;
      }
  return false;
}
