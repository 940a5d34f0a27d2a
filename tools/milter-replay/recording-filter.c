/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recording-filter.c: conditions on what is known of a session and a message.
 */
#include "recording-filter.h"

#include <string.h>

#include "milter-pattern.h"
#include "milter-text.h"

/* what is asked of a session and a message: whether something there is as the condition says */
typedef struct _Condition Condition;
typedef bool (*Look) (const Condition *condition,
                      const MilterRecordedSession *session,
                      const MilterRecordedMessage *message);

typedef struct
{
  const char *name;
  Look look;
  enum { PATTERN_NEEDED, PATTERN_ALLOWED, PATTERN_NONE } pattern;
  const char *usage, *summary;
} Key;

struct _Condition
{
  const Key *key;
  bool negated;
  MilterPattern *pattern; /* (nullable) anything */
  bool caseless;          /* … which is in small letters */
  char *field;            /* (nullable) of `header`: its name */
};

struct _RecordingFilter
{
  GPtrArray *conditions; /* of Condition */
};

/* --- subjects --------------------------------------------------------------------------------------- */

static bool
matches (const Condition *condition, const char *text, gsize size)
{
  g_autofree char *lower = NULL;

  if (condition->pattern == NULL)
    return true;
  if (!condition->caseless)
    return milter_pattern_matches (condition->pattern, milter_bytes (text, size));
  lower = g_ascii_strdown (text, (gssize) size);
  return milter_pattern_matches (condition->pattern, milter_bytes (lower, size));
}

static bool
matches_string (const Condition *condition, const GString *text)
{
  return text != NULL && matches (condition, text->str, text->len);
}

static bool
matches_text (const Condition *condition, const char *text)
{
  return text != NULL && matches (condition, text, strlen (text));
}

/* addresses and Message-IDs compare without angle brackets */
static bool
matches_address (const Condition *condition, const GString *address)
{
  bool bracketed = address->len >= 2 && address->str[0] == '<' && address->str[address->len - 1] == '>';

  return bracketed ? matches (condition, address->str + 1, address->len - 2)
                   : matches_string (condition, address);
}

static bool
look_at_peer (const Condition *condition,
              const MilterRecordedSession *session,
              const MilterRecordedMessage *message)
{
  return matches_string (condition, session->host) || matches_string (condition, session->address)
         || matches_string (condition, session->helo);
}

static bool
look_at_mta (const Condition *condition,
             const MilterRecordedSession *session,
             const MilterRecordedMessage *message)
{
  return matches_text (condition, session->mta);
}

static bool
look_at_milter (const Condition *condition,
                const MilterRecordedSession *session,
                const MilterRecordedMessage *message)
{
  return matches_text (condition, session->milter);
}

static bool
look_at_sender (const Condition *condition,
                const MilterRecordedSession *session,
                const MilterRecordedMessage *message)
{
  return message != NULL && message->mail->sender.address != NULL
         && matches_address (condition, message->mail->sender.address);
}

static bool
look_at_recipients (const Condition *condition,
                    const MilterRecordedSession *session,
                    const MilterRecordedMessage *message)
{
  for (guint i = 0; message != NULL && i < message->mail->recipients->len; i++)
    {
      const MilterMailAddress *recipient = g_ptr_array_index (message->mail->recipients, i);

      if (!recipient->added && matches_address (condition, recipient->address))
        return true;
    }
  return false;
}

static bool
look_at_header (const Condition *condition,
                const MilterRecordedSession *session,
                const MilterRecordedMessage *message)
{
  for (guint i = 0; message != NULL && i < message->mail->headers->len; i++)
    {
      const MilterMailHeader *header = g_ptr_array_index (message->mail->headers, i);
      const char *value = header->value->str;
      gsize size = header->value->len;

      if (g_ascii_strcasecmp (header->name->str, condition->field) != 0)
        continue;
      if (size > 0 && value[0] == ' ')
        {
          value++;
          size--;
        }
      if (matches (condition, value, size))
        return true;
    }
  return false;
}

static bool
look_at_id (const Condition *condition,
            const MilterRecordedSession *session,
            const MilterRecordedMessage *message)
{
  if (message == NULL)
    return false;
  return matches_string (condition, message->queue_id)
         || matches_string (condition, message->message_id)
         || (message->message_id != NULL && matches_address (condition, message->message_id));
}

/* the word of a reply, or the text of one of the milter's own */
static bool
matches_reply (const Condition *condition, guint8 letter, const GString *text)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);

  if (letter == 0)
    return false;
  if (text != NULL)
    return matches_string (condition, text);
  return spec != NULL && matches_text (condition, spec->word);
}

static bool
matches_replies (const Condition *condition, const GPtrArray *commands)
{
  for (guint i = 0; i < commands->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (commands, i);

      if (matches_reply (condition, command->reply, command->text))
        return true;
    }
  return false;
}

static bool
look_at_replies (const Condition *condition,
                 const MilterRecordedSession *session,
                 const MilterRecordedMessage *message)
{
  return matches_replies (condition, message != NULL ? message->commands : session->commands);
}

static bool
look_at_verdict (const Condition *condition,
                 const MilterRecordedSession *session,
                 const MilterRecordedMessage *message)
{
  if (message != NULL)
    return matches_reply (condition, message->verdict, message->verdict_text);
  for (guint i = 0; session->verdict != 0 && i < session->commands->len; i++)
    {
      const MilterRecordedCommand *command = g_ptr_array_index (session->commands, i);

      if (command->letter == session->verdict_command && command->reply == session->verdict
          && matches_reply (condition, command->reply, command->text))
        return true;
    }
  return false;
}

/* as the line of a scenario: `add-header X-Spam: yes` */
static bool
look_at_edits (const Condition *condition,
               const MilterRecordedSession *session,
               const MilterRecordedMessage *message)
{
  for (guint i = 0; message != NULL && i < message->edits->len; i++)
    {
      g_autoptr (GString) text = NULL;
      MilterMessage edit;

      if (condition->pattern == NULL)
        return true;
      text = g_string_new (NULL);
      milter_recorded_edit_get_message (g_ptr_array_index (message->edits, i), &edit);
      milter_message_append_text (
          &edit, message->leading_space ? MILTER_TEXT_LEADING_SPACE : MILTER_TEXT_PLAIN, text);
      if (matches_string (condition, text))
        return true;
    }
  return false;
}

static bool
look_for_holes (const Condition *condition,
                const MilterRecordedSession *session,
                const MilterRecordedMessage *message)
{
  return (message != NULL ? message->missing : session->missing) != MILTER_RECORDED_WHOLE;
}

/* clang-format off */
static const Key keys[] = {
  { "peer", look_at_peer, PATTERN_NEEDED, "peer=PATTERN", "the client's host name, address or HELO name" },
  { "mta", look_at_mta, PATTERN_NEEDED, "mta=PATTERN", "the MTA's address and port, as 192.0.2.7:34290" },
  { "milter", look_at_milter, PATTERN_NEEDED, "milter=PATTERN", "the milter's address and port" },
  { "sender", look_at_sender, PATTERN_NEEDED, "sender=PATTERN", "the envelope sender, without angle brackets" },
  { "rcpt", look_at_recipients, PATTERN_NEEDED, "rcpt=PATTERN", "one of the recipients, without angle brackets" },
  { "header", look_at_header, PATTERN_NEEDED, "header=NAME[: PATTERN]", "a header field of this name, with this value" },
  { "id", look_at_id, PATTERN_NEEDED, "id=PATTERN", "the queue id, or the Message-ID, with its angle brackets or without" },
  { "reply", look_at_replies, PATTERN_NEEDED, "reply=PATTERN", "one of the answers: reject, tempfail, accept … or the text, as \"550 *\"" },
  { "verdict", look_at_verdict, PATTERN_NEEDED, "verdict=PATTERN", "the answer that decided" },
  { "edit", look_at_edits, PATTERN_ALLOWED, "edit[=PATTERN]", "the milter changed it; one of the changes, as \"add-header X-*\"" },
  { "hole", look_for_holes, PATTERN_NONE, "hole", "something of it is missing in the recording" },
};
/* clang-format on */

bool
recording_filter_describe (guint row, const char **usage, const char **summary)
{
  if (row >= G_N_ELEMENTS (keys))
    return false;
  *usage = keys[row].usage;
  *summary = keys[row].summary;
  return true;
}

bool
recording_filter_matches (const RecordingFilter *filter,
                          const MilterRecordedSession *session,
                          const MilterRecordedMessage *message)
{
  for (guint i = 0; i < filter->conditions->len; i++)
    {
      const Condition *condition = g_ptr_array_index (filter->conditions, i);

      if (condition->key->look (condition, session, message) == condition->negated)
        return false;
    }
  return true;
}

/* --- reading conditions -------------------------------------------------------------------------------- */

static void
condition_free (gpointer data)
{
  Condition *condition = data;

  g_clear_pointer (&condition->pattern, milter_pattern_free);
  g_free (condition->field);
  g_free (condition);
}

void
recording_filter_free (RecordingFilter *filter)
{
  if (filter == NULL)
    return;
  g_ptr_array_unref (filter->conditions);
  g_free (filter);
}

static bool
fail (GError **error, const char *text, const char *why)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--filter \"%s\": %s", text, why);
  return false;
}

/* `/regex/` and `/regex/i`, as in scenarios; else text with stars, where `\*` is one, and case is passed over */
static bool
read_pattern (Condition *condition, const char *text, GError **error)
{
  gsize size = strlen (text);
  bool caseless = size >= 3 && g_str_has_suffix (text, "/i");
  g_autofree char *plain = NULL;
  g_autofree guint8 *stars = NULL;
  gsize n = 0;

  if (size >= 2 && text[0] == '/' && (caseless || g_str_has_suffix (text, "/")))
    {
      g_autofree char *regex = g_strndup (text + 1, size - (caseless ? 3 : 2));

      condition->pattern = milter_pattern_new_regex (regex, caseless, error);
      return condition->pattern != NULL;
    }
  plain = g_malloc (size + 1);
  stars = g_malloc0 (size + 1);
  for (const char *at = text; *at != '\0'; at++, n++)
    {
      stars[n] = *at == '*';
      if (at[0] == '\\' && at[1] == '*')
        at++;
      plain[n] = g_ascii_tolower (*at);
    }
  condition->caseless = true;
  condition->pattern = milter_pattern_new_glob (milter_bytes (plain, n), stars);
  return true;
}

/* NAME, NAME:PATTERN */
static bool
read_field (Condition *condition, const char *text, GError **error)
{
  const char *colon = strchr (text, ':');
  const char *value = colon != NULL ? colon + 1 : NULL;

  condition->field = g_strndup (text, colon != NULL ? (gsize) (colon - text) : strlen (text));
  if (value == NULL)
    return true;
  return read_pattern (condition, value[0] == ' ' ? value + 1 : value, error);
}

static char *
list_keys (void)
{
  GString *list = g_string_new ("expected one of");

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    g_string_append_printf (list, "%s %s", i > 0 ? "," : "", keys[i].usage);
  return g_string_free (list, FALSE);
}

static bool
read_value (Condition *condition, const char *text, const char *value, GError **error)
{
  g_autoptr (GError) cause = NULL;
  bool ok;

  if (value == NULL && condition->key->pattern == PATTERN_NEEDED)
    return fail (error, text, "a pattern is missing, as in KEY=PATTERN");
  if (value != NULL && condition->key->pattern == PATTERN_NONE)
    return fail (error, text, "it has no pattern");
  if (value == NULL)
    return true;
  ok = strcmp (condition->key->name, "header") == 0 ? read_field (condition, value, &cause)
                                                   : read_pattern (condition, value, &cause);
  return ok || fail (error, text, cause->message);
}

/* KEY, KEY=PATTERN, KEY!=PATTERN */
static bool
read_condition (Condition *condition, const char *text, GError **error)
{
  const char *equals = strchr (text, '=');
  gsize size = equals != NULL ? (gsize) (equals - text) : strlen (text);
  g_autofree char *list = NULL;

  if (equals != NULL && size > 0 && text[size - 1] == '!')
    {
      condition->negated = true;
      size--;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (strlen (keys[i].name) == size && memcmp (keys[i].name, text, size) == 0)
      condition->key = &keys[i];
  if (condition->key != NULL)
    return read_value (condition, text, equals != NULL ? equals + 1 : NULL, error);
  list = list_keys ();
  return fail (error, text, list);
}

RecordingFilter *
recording_filter_new (char **conditions, GError **error)
{
  g_autoptr (RecordingFilter) filter = g_new0 (RecordingFilter, 1);

  filter->conditions = g_ptr_array_new_with_free_func (condition_free);
  for (char **text = conditions; *text != NULL; text++)
    {
      Condition *condition = g_new0 (Condition, 1);

      g_ptr_array_add (filter->conditions, condition);
      if (!read_condition (condition, *text, error))
        return NULL;
    }
  return g_steal_pointer (&filter);
}

char *
recording_filter_make_help (const char *what)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (
      text, "Conditions of --filter; %s if all of them hold of one of its messages:\n", what);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    g_string_append_printf (text, "  %-24s %s\n", keys[i].usage, keys[i].summary);
  g_string_append (text,
                   "PATTERN is text with * for anything, whatever its case, or /a regular expression/, "
                   "with /i for\nany case. KEY!=PATTERN: nothing is like this.");
  return g_string_free (text, FALSE);
}
