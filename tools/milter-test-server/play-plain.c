/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-plain.c: the run without a scenario.
 *
 * Its output begins with the lines of the tool that this one follows, `status:` and
 * `elapsed-time:`.
 */
#include "play-plain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message-diff.h"
#include "milter-smtp-reply.h"
#include "open-report.h"
#include "plain-message.h"
#include "session-runner.h"

/* verdicts by the letter that decided, with the nicks of MilterStatus; no letter, or one that is
 * not here: the mail passed */
static const struct
{
  guint8 letter;
  const char *nick;
} nicks[] = {
  { MILTER_REPLY_ACCEPT, "accept" },   { MILTER_REPLY_REJECT, "reject" },
  { MILTER_REPLY_DISCARD, "discard" }, { MILTER_REPLY_TEMPORARY_FAILURE, "temporary-failure" },
  { MILTER_REPLY_SHUTDOWN, "abort" },  { MILTER_REPLY_CONNECTION_FAILURE, "error" },
};

static const char *
nick_of (guint8 letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (nicks); i++)
    {
      if (nicks[i].letter == letter)
        return nicks[i].nick;
    }
  return "pass";
}

/* ` [550]<5.7.1>(no)`; a text that is no SMTP reply is shown as it is */
static void
append_reply_code (GString *line, const GString *text)
{
  g_autoptr (MilterSmtpReply) reply
      = milter_smtp_reply_parse (milter_bytes (text->str, text->len), /* error= */ NULL);

  if (reply == NULL)
    {
      g_string_append (line, "reject [");
      tool_append_safe (line, milter_bytes (text->str, text->len));
      g_string_append_c (line, ']');
      return;
    }
  g_string_append (line, reply->code >= 500 ? "reject" : "temporary-failure");
  g_string_append_printf (line, " [%u]", reply->code);
  if (reply->extended != NULL)
    g_string_append_printf (line, "<%s>", reply->extended);
  g_string_append_c (line, '(');
  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *part = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append (line, "\\n");
      tool_append_safe (line, milter_bytes (part->str, part->len));
    }
  g_string_append_c (line, ')');
}

static const MilterPlayedMessage *
message_of (const MilterPlayer *player)
{
  const GPtrArray *messages = milter_player_get_messages (player);

  return messages->len > 0 ? g_ptr_array_index (messages, messages->len - 1) : NULL;
}

static bool
is_quarantined (const MilterPlayedMessage *message)
{
  return message != NULL && message->after != NULL && message->after->quarantine != NULL;
}

static void
append_status (GString *out, const MilterPlayer *player, bool interrupted)
{
  const MilterPlayedMessage *message = message_of (player);
  const char *nick = nick_of (message != NULL ? message->verdict : 0);

  g_string_append (out, "status: ");
  if (milter_player_get_outcome (player) == MILTER_OUTCOME_BROKEN || interrupted)
    g_string_append (out, "error");
  else if (message != NULL && message->verdict == MILTER_REPLY_REPLY_CODE
           && message->reply_text != NULL)
    append_reply_code (out, message->reply_text);
  else if (is_quarantined (message) && strcmp (nick, "pass") == 0)
    g_string_append (out, "quarantine");
  else
    g_string_append (out, nick);
  g_string_append_c (out, '\n');
}

static void
append_quarantine (GString *out, const MilterPlayedMessage *message)
{
  if (!is_quarantined (message))
    return;
  g_string_append (out, "Quarantine reason: <");
  tool_append_safe (
      out, milter_bytes (message->after->quarantine->str, message->after->quarantine->len));
  g_string_append (out, ">\n");
}

/* A session that broke is told in a sentence for each thing that went wrong. */
static void
tell_broken (const MilterPlayer *player)
{
  const GPtrArray *failures = milter_player_get_failures (player);

  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      if (failure->outcome == MILTER_OUTCOME_BROKEN)
        tool_error ("%s: %s", failure->what, failure->got != NULL ? failure->got : "no answer");
    }
}

/* whether `status:` does not say all that the exit status says */
static bool
needs_explanation (const MilterPlayer *player, bool verbose)
{
  const MilterPlayedMessage *message = message_of (player);

  return milter_player_get_outcome (player) == MILTER_OUTCOME_FAILED
         && (verbose || message == NULL || milter_player_get_failures (player)->len > 1
             || strcmp (nick_of (message->verdict), "pass") == 0)
         && !(message != NULL && message->verdict == MILTER_REPLY_REPLY_CODE
              && milter_player_get_failures (player)->len == 1 && !verbose);
}

static ToolExit
save_message (const char *path, const MilterPlayedMessage *message)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FILE *file;
  bool written;

  if (message == NULL)
    return TOOL_EXIT_OK;
  milter_mail_append_message (message->after, bytes);
  /* in place: a device, a FIFO or a link must not be replaced by a file of its name */
  file = fopen (path, "wb");
  written = file != NULL && fwrite (bytes->data, 1, bytes->len, file) == bytes->len;
  if (file != NULL)
    written = fclose (file) == 0 && written;
  if (written)
    return TOOL_EXIT_OK;
  tool_error ("--save-message: %s cannot be written: %s", path, g_strerror (errno));
  return TOOL_EXIT_USAGE;
}

ToolExit
play_plain (const ServerOptions *options)
{
  g_autoptr (SessionRunner) runner
      = session_runner_new (options->specs,
                            (double) options->connection_timeout_us / G_USEC_PER_SEC,
                            (double) options->writing_timeout_us / G_USEC_PER_SEC);
  g_autoptr (Report) report = open_report (options);
  ReportCase *report_case;
  bool color;
  FILE *stream;
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (MilterPlayer) player = NULL;
  MilterPlayerConfig config = { 0 };
  const MilterPlayedMessage *message;
  ToolExit status;
  gint64 elapsed_us;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  stream = open_report_stream (report);
  color = tool_color_is_on (options->color, stream);
  /* scripts read the standard output, which begins with the status */
  if (options->verbose)
    report_add_text (report,
                     stderr,
                     REPORT_FRAMES,
                     tool_color_is_on (options->color, stderr),
                     REPORT_NO_PROGRESS);
  report_begin (report, g_get_prgname ());
  report_case = report_add_case (report, /* file= */ NULL, /* line= */ 0, options->name);

  config.profile = options->profile != NULL ? options->profile : milter_profile_get ("plain");
  config.n_peers = options->specs->len;
  config.peer_names = session_runner_get_names (runner);
  config.lint = options->lint != SERVER_LINT_OFF;
  config.over_tcp = session_runner_get_over_tcp (runner);
  config.timeout_us = options->reading_timeout_us;
  config.grace_us = 200 * G_TIME_SPAN_MILLISECOND;
  player = milter_player_new (options->name, plain_message_source (options), &config);
  report_case_set_peers (report_case, config.n_peers, config.peer_names);
  report_case_begin (report_case);
  report_case_follow (report_case, player);
  elapsed_us = session_runner_play (runner, player);
  report_case_take_verdict (report_case, player);

  message = message_of (player);
  status = milter_player_get_outcome (player) == MILTER_OUTCOME_HELD     ? TOOL_EXIT_OK
           : milter_player_get_outcome (player) == MILTER_OUTCOME_BROKEN ? TOOL_EXIT_BROKEN
                                                                         : TOOL_EXIT_FAILED;
  if (report_case_is_bad (report_case))
    status = tool_exit_worse (status, TOOL_EXIT_FAILED);
  append_status (out, player, session_runner_is_interrupted (runner));
  g_string_append_printf (out, "elapsed-time: %g seconds\n", (double) elapsed_us / G_USEC_PER_SEC);
  append_quarantine (out, message);
  if (options->output_message && message != NULL)
    {
      g_string_append_c (out, '\n');
      message_diff_append (out, message->before, message->after, color);
    }
  if (!options->quiet || status != TOOL_EXIT_OK)
    fwrite (out->str, 1, out->len, stream);
  if (needs_explanation (player, options->verbose))
    report_case_print_failures (report_case, stream, color);
  tell_broken (player);
  /* the standard output is read by scripts; what broke the session has been told */
  if (milter_player_get_outcome (player) != MILTER_OUTCOME_BROKEN
      && (!options->quiet || options->lint == SERVER_LINT_ERROR))
    {
      fflush (stdout);
      report_case_print_lint (report_case, stderr, tool_color_is_on (options->color, stderr));
    }
  report_case_end (report_case);
  if (options->save_message != NULL)
    status = tool_exit_worse (status, save_message (options->save_message, message));
  if (session_runner_is_interrupted (runner))
    report_interrupt (report);
  return report_finish (report) ? status : tool_exit_worse (status, TOOL_EXIT_USAGE);
}
