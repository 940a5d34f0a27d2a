/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-failure.c: what went wrong, in words.
 */
#include "milter-player-private.h"

#include <string.h>

#include "milter-smtp-reply.h"
#include "milter-text.h"

void
milter_failure_free (gpointer data)
{
  MilterFailure *failure = data;

  g_free (failure->message);
  g_free (failure->what);
  g_free (failure->expected);
  g_free (failure->got);
  g_free (failure->last);
  g_free (failure->result_path);
  g_clear_pointer (&failure->delivered, g_bytes_unref);
  g_free (failure);
}

static void
append_note (const MilterPlayer *player, const MilterNote *note, GString *text)
{
  MilterMessage message;

  g_string_append (text, note->from == MILTER_SIDE_MTA ? "> " : "< ");
  if (player->config.n_peers > 1 && player->peers[note->peer].name != NULL)
    g_string_append_printf (text, "%s: ", player->peers[note->peer].name);
  if (note->text->len > 0)
    {
      g_string_append_len (text, note->text->str, (gssize) note->text->len);
      return;
    }
  milter_message_parse (
      note->from, note->letter, milter_bytes (note->payload->data, note->payload->len), &message);
  milter_message_append_text (&message, note->flags, text);
}

static char *
format_last (const MilterPlayer *player)
{
  GString *text = g_string_new (NULL);
  guint n = MIN (player->n_last, MILTER_PLAYER_N_LAST);

  for (guint i = player->n_last - n; i < player->n_last; i++)
    {
      if (text->len > 0)
        g_string_append (text, "  ");
      append_note (player, &player->last[i % MILTER_PLAYER_N_LAST], text);
    }
  return g_string_free (text, FALSE);
}

/* lines that are told by their verb; an act is told with what it says behind it */
static const struct
{
  MilterStepKind kind;
  const char *word;
} step_words[] = {
  { MILTER_STEP_KIND_MESSAGE, "message" },       { MILTER_STEP_KIND_RAW, "raw bytes" },
  { MILTER_STEP_KIND_TIMEOUT, "timeout" },       { MILTER_STEP_KIND_GENERATE, "generate" },
  { MILTER_STEP_KIND_REPEAT, "repeat" },         { MILTER_STEP_KIND_BARRIER, "barrier" },
  { MILTER_STEP_KIND_SEND_AS, "send-as" },       { MILTER_STEP_KIND_STALL, "stall" },
  { MILTER_STEP_KIND_CLOSE, "close" },           { MILTER_STEP_KIND_RESET, "reset" },
  { MILTER_STEP_KIND_HALF_CLOSE, "half-close" }, { MILTER_STEP_KIND_LOST, "lost" },
};

static void
describe_other (const MilterStep *step, GString *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (step_words); i++)
    if (step_words[i].kind == step->kind)
      g_string_append (text, step_words[i].word);
  if (step->kind == MILTER_STEP_KIND_STALL)
    {
      g_autofree char *time = milter_failure_duration (step->duration_us);

      g_string_append_printf (text, " %s%s", time, step->reading ? " reading" : "");
    }
  if (step->has_after)
    g_string_append_printf (text, " after %" G_GUINT64_FORMAT " bytes", step->number);
  if (step->kind == MILTER_STEP_KIND_GENERATE)
    g_string_append_printf (text, " size=%" G_GUINT64_FORMAT, step->number);
}

static char *
describe_step (const MilterPlayer *player, const MilterStep *step)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GBytes) payload = NULL;
  MilterMessage message;
  gsize size;
  const guint8 *data;

  if (step->kind == MILTER_STEP_KIND_EML)
    g_string_append_printf (
        text, "eml%s%s", step->path != NULL ? " " : "", step->path != NULL ? step->path : "");
  else if (step->kind == MILTER_STEP_KIND_FRAME)
    g_string_append_printf (text, "frame %c", g_ascii_isgraph (step->letter) ? step->letter : '?');
  else if (step->kind != MILTER_STEP_KIND_COMMAND)
    describe_other (step, text);
  else if (strchr ("OLBED", step->spec->letter) != NULL)
    g_string_append (text, step->spec->word);
  else
    {
      payload = milter_payload_for_step (player, step);
      data = g_bytes_get_data (payload, &size);
      milter_message_parse (
          MILTER_SIDE_MTA, step->spec->letter, milter_bytes (data, size), &message);
      milter_message_append_text (&message, MILTER_TEXT_SHORT, text);
    }
  if (step->kind == MILTER_STEP_KIND_COMMAND && step->spec->letter == MILTER_COMMAND_HEADER
      && step->arguments->len > 0)
    {
      data = g_bytes_get_data (g_ptr_array_index (step->arguments, 0), &size);
      g_string_append_c (text, ' ');
      milter_text_append_word (milter_bytes (data, size), MILTER_TEXT_SHORT, text);
    }
  return g_string_free (text, FALSE);
}

const char *
milter_player_turn_text (const MilterPlayer *player)
{
  /* most lines hold, and nobody asks */
  MilterTurn *turn = (MilterTurn *) &player->turn;

  if (turn->text == NULL)
    turn->text = turn->step != NULL ? describe_step (player, turn->step)
                                    : g_strdup ("the end of the session");
  return turn->text;
}

void
milter_player_fail (MilterPlayer *player,
                    MilterOutcome outcome,
                    const MilterWhere *where,
                    char *what,
                    char *expected,
                    char *got)
{
  MilterFailure *failure = g_new0 (MilterFailure, 1);

  failure->outcome = outcome;
  /* between two lines it is about the one before */
  failure->where = where != NULL       ? *where
                   : player->turn.open ? player->turn.where
                                       : player->last_where;
  failure->message = g_strdup (player->message_name);
  failure->what = what;
  failure->expected = expected;
  failure->got = got;
  milter_player_tell_notes (player);
  failure->last = format_last (player);
  g_ptr_array_add (player->failures, failure);
  player->outcome = MAX (player->outcome, outcome);
}

char *
milter_failure_duration (gint64 us)
{
  /* an answer over a unix socket takes some 50 microseconds */
  if (us > 0 && us < 1000)
    return g_strdup_printf ("%.2f ms", us / 1e3);
  if (us < 1000 * 1000)
    return us % 1000 == 0 ? g_strdup_printf ("%" G_GINT64_FORMAT " ms", us / 1000)
                          : g_strdup_printf ("%.1f ms", us / 1e3);
  /* whole seconds, give or take what is left of a timeout */
  return us % (1000 * 1000) < 50 * 1000
             ? g_strdup_printf ("%" G_GINT64_FORMAT " s", us / (1000 * 1000))
             : g_strdup_printf ("%.1f s", us / 1e6);
}

char *
milter_failure_peer (const MilterPlayer *player, guint peer)
{
  if (player->config.n_peers < 2 || player->peers[peer].name == NULL)
    return g_strdup ("the milter");
  return g_strdup_printf ("the milter %s", player->peers[peer].name);
}

/* words that do not explain themselves */
static const struct
{
  guint8 command;
  const char *text;
} stages[] = {
  { MILTER_COMMAND_NEGOTIATE, "negotiate (the offer of options)" },
  { MILTER_COMMAND_END_OF_HEADER, "eoh (end of headers)" },
  { MILTER_COMMAND_END_OF_MESSAGE, "eom (end of message)" },
  { MILTER_COMMAND_QUIT, "quit (end of the connection)" },
  { MILTER_COMMAND_QUIT_NC, "quit-nc (end of the SMTP session)" },
};

const char *
milter_failure_stage (guint8 command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  for (gsize i = 0; i < G_N_ELEMENTS (stages); i++)
    if (stages[i].command == command)
      return stages[i].text;
  return spec != NULL ? spec->word : "what was sent";
}

/* past participles of the replies that decide */
static const struct
{
  guint8 reply;
  const char *text;
} decisions[] = {
  { MILTER_REPLY_ACCEPT, "accepted" },
  { MILTER_REPLY_REJECT, "rejected" },
  { MILTER_REPLY_TEMPORARY_FAILURE, "deferred" },
  { MILTER_REPLY_REPLY_CODE, "rejected" },
  { MILTER_REPLY_DISCARD, "discarded" },
  { MILTER_REPLY_SHUTDOWN, "shut down" },
  { MILTER_REPLY_CONNECTION_FAILURE, "failed" },
  { MILTER_REPLY_SKIP, "skipped" },
};

char *
milter_failure_decision (const MilterPlayer *player, const MilterDecision *decision)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, decision->command);
  const char *verb = "decided";
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (decisions); i++)
    if (decisions[i].reply == decision->reply)
      verb = decisions[i].text;
  if (decision->deferred)
    verb = "deferred";
  g_string_append_printf (text, "%s at %s", verb, spec != NULL ? spec->word : "a frame");
  if (player->config.n_peers > 1 && player->peers[decision->peer].name != NULL)
    g_string_append_printf (text, " by %s", player->peers[decision->peer].name);
  if (decision->line > 0)
    g_string_append_printf (
        text, decision->filled_in ? ", filled in for line %u" : ", line %u", decision->line);
  return g_strdup (text->str);
}

static void
append_bytes (GString *text, MilterBytes bytes)
{
  /* a peer that is no milter may talk on for long */
  milter_text_append_quoted (
      milter_bytes (bytes.data, MIN (bytes.size, 80)), MILTER_TEXT_SHORT, text);
  if (bytes.size > 80)
    g_string_append (text, "…");
}

/* what peers say that are no milters. */
static const struct
{
  const char *prefix;
  gsize size;
  const char *text;
} strangers[] = {
  { "SSH-", 4, "an SSH server answered" },
  { "HTTP/", 5, "an HTTP server answered" },
  { "<!DO", 4, "an HTTP server answered" },
  { "<html", 5, "an HTTP server answered" },
  { "+OK", 3, "a POP3 server answered" },
  { "* OK", 4, "an IMAP server answered" },
  { "* PREAUTH", 9, "an IMAP server answered" },
  { "* BYE", 5, "an IMAP server answered" },
  { "-ERR", 4, "a POP3 or Redis server answered" },
  { "\x15\x03", 2, "a TLS server answered (an alert)" },
  { "\x16\x03", 2, "a TLS server answered (a handshake)" },
  { "CONNECT ", 8, "an HTTP client is there" },
  { "GET ", 4, "an HTTP client is there" },
  { "EHLO ", 5, "an SMTP client is there" },
};

static bool
is_smtp_reply (MilterBytes head)
{
  static const char *const codes[]
      = { "220", "421", "450", "451", "500", "501", "502", "503", "554" };

  if (head.size < 4 || (head.data[3] != ' ' && head.data[3] != '-'))
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (memcmp (head.data, codes[i], 3) == 0)
      return true;
  return false;
}

char *
milter_failure_identify (MilterBytes head)
{
  if (is_smtp_reply (head))
    {
      g_autofree char *text = g_strndup ((const char *) head.data, head.size);

      return g_strdup (strstr (text, "FTP") != NULL ? "an FTP server answered"
                                                    : "an SMTP server answered");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (strangers); i++)
    if (head.size >= strangers[i].size
        && memcmp (head.data, strangers[i].prefix, strangers[i].size) == 0)
      return g_strdup (strangers[i].text);
  return NULL;
}

static void
append_strange_bytes (GString *text, const MilterRecord *record)
{
  MilterBytes head = milter_record_get_bytes (record);
  g_autofree char *stranger = milter_failure_identify (head);

  if (stranger == NULL && record->too_long)
    {
      g_string_append_printf (text, "a frame that is larger than what is read (%s)", record->fault);
      return;
    }
  if (stranger != NULL)
    g_string_append_printf (text, "%s, not a milter: ", stranger);
  else
    g_string_append (text, "bytes that are no frame: ");
  append_bytes (text, head);
  if (stranger == NULL && record->fault != NULL)
    g_string_append_printf (text, " (%s)", record->fault);
}

/* the value of a header edit; NULL for others */
static MilterField *
header_value (MilterMessage *message)
{
  if (message->fault != MILTER_NO_FAULT)
    return NULL;
  if (message->letter == MILTER_REPLY_ADD_HEADER)
    return &message->fields[1];
  if (message->letter == MILTER_REPLY_INSERT_HEADER
      || message->letter == MILTER_REPLY_CHANGE_HEADER)
    return &message->fields[2];
  return NULL;
}

/* Header fields as they will stand in the message: with HDR_LEADSPC the blank behind the colon is
 * a part of what travels. */
void
milter_failure_append_message (GString *text, const MilterRecord *record)
{
  MilterMessage message = record->message;
  MilterField *value = record->leading_space ? header_value (&message) : NULL;
  bool blank = value != NULL && value->bytes.size > 0 && value->bytes.data[0] == ' ';

  if (blank)
    value->bytes = milter_bytes (value->bytes.data + 1, value->bytes.size - 1);
  milter_message_append_text (&message, MILTER_TEXT_SHORT, text);
  if (value != NULL && !blank && value->bytes.size > 0)
    g_string_append (text, " (without a blank behind the colon)");
}

static void
append_message (GString *text, const MilterRecord *record)
{
  const MilterMessage *message = &record->message;

  milter_failure_append_message (text, record);
  if (message->letter == MILTER_REPLY_REJECT || message->letter == MILTER_REPLY_TEMPORARY_FAILURE)
    g_string_append (text, " (no text)");
  if (message->letter == MILTER_REPLY_REPLY_CODE && message->fault == MILTER_NO_FAULT)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MilterSmtpReply) reply
          = milter_smtp_reply_parse (message->fields[0].bytes, &error);

      if (reply == NULL)
        g_string_append_printf (text, " (%s)", error->message);
    }
}

static void
append_end (const MilterPlayer *player, GString *text, const MilterRecord *record)
{
  g_autofree char *peer = milter_failure_peer (player, record->peer);
  const char *verb = record->kind == MILTER_RECORD_RESET ? "reset" : "closed";

  g_string_append_printf (text, "%s %s the connection", peer, verb);
  if (record->command != 0)
    g_string_append_printf (text,
                            record->due ? " instead of answering %s" : " after %s",
                            milter_failure_stage (record->command));
  /* MTAs send long header fields and addresses all the same (milter-protocol 1.2) */
  if (record->due && player->peers[record->peer].sent_size > MILTER_LIMIT_FROM_MTA)
    g_string_append_printf (text,
                            " of %" G_GSIZE_FORMAT " bytes (libmilter takes no more than %u)",
                            player->peers[record->peer].sent_size,
                            MILTER_LIMIT_FROM_MTA);
  if (record->bytes != NULL && g_bytes_get_size (record->bytes) > 0)
    {
      g_string_append (text, ", in the middle of a frame: ");
      append_strange_bytes (text, record);
    }
}

void
milter_failure_append_peer (const MilterPlayer *player, guint peer, GString *text)
{
  if (player->config.n_peers > 1 && player->peers[peer].name != NULL)
    g_string_append_printf (text, " from %s", player->peers[peer].name);
}

char *
milter_failure_record (const MilterPlayer *player, const MilterRecord *record, bool with_command)
{
  GString *text = g_string_new (NULL);
  g_autofree char *after = milter_failure_duration (record->after_us);
  g_autofree char *peer = milter_failure_peer (player, record->peer);

  switch (record->kind)
    {
    case MILTER_RECORD_MESSAGE:
      append_message (text, record);
      milter_failure_append_peer (player, record->peer, text);
      if (with_command && record->command != 0)
        g_string_append_printf (text, " to %s", milter_failure_stage (record->command));
      g_string_append_printf (text, " after %s", after);
      if (record->fault != NULL)
        g_string_append_printf (text, ": %s", record->fault);
      break;
    case MILTER_RECORD_CLOSED:
    case MILTER_RECORD_RESET:
      append_end (player, text, record);
      g_string_append_printf (text, ", after %s", after);
      if (record->kind == MILTER_RECORD_RESET && record->command == MILTER_COMMAND_QUIT)
        g_string_append (text, ": what was sent to it may not have been read");
      break;
    case MILTER_RECORD_GARBAGE:
      append_strange_bytes (text, record);
      break;
    case MILTER_RECORD_NOTHING:
      g_string_append_printf (
          text, "%s in %s", record->fault != NULL ? record->fault : "nothing", after);
      if (record->due)
        g_string_append_printf (
            text, ": %s did not answer %s", peer, milter_failure_stage (record->command));
      else if (record->command == MILTER_COMMAND_QUIT
               || (player->turn.act != MILTER_ACT_NONE && record->command == 0))
        g_string_append_printf (text, ": %s did not close the connection", peer);
      else if (milter_player_gave_up_answering (player, record->peer, record->command))
        g_string_append_printf (
            text, ": %s asked not to answer %s", peer, milter_failure_stage (record->command));
      /* milter-protocol 7 */
      if (record->due && record->command == MILTER_COMMAND_CONNECT
          && player->peers[record->peer].renewed)
        g_string_append (text,
                         " after quit-nc, which libmilter takes only right behind an eom that it "
                         "answered with continue, or the abort of a message");
      break;
    }
  return g_string_free (text, FALSE);
}

#define GAVE_UP " (this regular expression goes back without end, and was given up)"

static bool
any_gave_up (const GPtrArray *patterns)
{
  for (guint i = 0; patterns != NULL && i < patterns->len; i++)
    if (milter_pattern_gave_up (g_ptr_array_index (patterns, i)))
      return true;
  return false;
}

/* no match, but of that the line's author should know */
static bool
gave_up (const MilterExpectation *line)
{
  bool found = milter_pattern_gave_up (line->pattern);

  for (guint i = 0; !found && i < line->answers->len; i++)
    {
      const MilterAnswerPattern *answer = g_ptr_array_index (line->answers, i);

      found = milter_pattern_gave_up (answer->value) || any_gave_up (answer->patterns);
    }
  return found;
}

/* the conditions that stand below a line */
static void
append_conditions (GString *text, const GPtrArray *lines, const MilterExpectation *line)
{
  guint index;

  if (lines == NULL || !g_ptr_array_find ((GPtrArray *) lines, line, &index))
    return;
  while (++index < lines->len)
    {
      const MilterExpectation *below = g_ptr_array_index (lines, index);

      if (below->kind != MILTER_EXPECT_AND && below->kind != MILTER_EXPECT_AND_NOT)
        return;
      g_string_append_printf (text, ", %s", below->text);
      if (gave_up (below))
        g_string_append (text, GAVE_UP);
    }
}

char *
milter_failure_expectation (const MilterPlayer *player, const MilterExpectation *line)
{
  GString *text = g_string_new (line->text);

  if (line->within_us != 0 && strstr (line->text, " within ") == NULL)
    {
      g_autofree char *within = milter_failure_duration (line->within_us);

      g_string_append_printf (text, " within %s", within);
    }
  if (gave_up (line))
    g_string_append (text, GAVE_UP);
  append_conditions (text, milter_player_turn_lines (player), line);
  return g_string_free (text, FALSE);
}
