/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-plain.c: the run without a scenario.
 *
 * Its output begins with the lines of the tool that this one follows, `status:` and
 * `elapsed-time:`.
 */
#include "play-plain.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "message-diff.h"
#include "milter-smtp-reply.h"
#include "open-report.h"
#include "plain-message.h"
#include "server-milters.h"
#include "session-run.h"
#include "tool-milters.h"

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
      g_string_append (line, text->str[0] == '4' ? "temporary-failure [" : "reject [");
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

/* the letter of the reply that decided about the message, or sent the client away before it; 0 if
 * none did. @text (nullable): of a REPLYCODE */
static guint8
verdict_of (const MilterPlayer *player, const GString **text)
{
  const MilterPlayedMessage *message = message_of (player);

  if (message == NULL)
    return milter_player_get_dismissal (player, text);
  *text = message->reply_text;
  return message->verdict;
}

static bool
is_quarantined (const MilterPlayedMessage *message)
{
  return message != NULL && message->after != NULL && message->after->quarantine != NULL;
}

static void
append_status (GString *out, const MilterPlayer *player, bool interrupted)
{
  const GString *text;
  guint8 verdict = verdict_of (player, &text);
  const char *nick = nick_of (verdict);

  g_string_append (out, "status: ");
  if (milter_player_get_outcome (player) == MILTER_OUTCOME_BROKEN || interrupted)
    g_string_append (out, "error");
  else if (verdict == MILTER_REPLY_REPLY_CODE && text != NULL)
    append_reply_code (out, text);
  else if (is_quarantined (message_of (player)) && strcmp (nick, "pass") == 0)
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
  const GString *text;
  guint8 verdict = verdict_of (player, &text);
  bool is_told = strcmp (nick_of (verdict), "pass") != 0 || verdict == MILTER_REPLY_REPLY_CODE;

  return milter_player_get_outcome (player) == MILTER_OUTCOME_FAILED
         && (verbose || !is_told || milter_player_get_failures (player)->len > 1);
}

/* A recipient that the milter refused is shown as taken away. Of a message that never had one
 * nothing has changed. */
static void
append_difference (GString *out, const ServerOptions *options, const MilterPlayer *player, bool color)
{
  const MilterPlayedMessage *message = message_of (player);
  g_autoptr (MilterMail) before = plain_message_mail (options);
  bool had_recipients = message != NULL && message->before->recipients->len > 0;

  g_string_append_c (out, '\n');
  message_diff_append (out, before, had_recipients ? message->after : before, color);
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

/* --- the run ---------------------------------------------------------------------------------- */

typedef struct _PlainRun PlainRun;

/* one of the connections */
typedef struct
{
  PlainRun *all;
  ReportCase *report_case;
  MilterPlayer *player;
  SessionRun *run;
} Connection;

struct _PlainRun
{
  const ServerOptions *options;
  Report *report;
  ToolChain *chain;
  GPtrArray *connections; /* of Connection */
  guint n_left;
  bool interrupted;
};

static void
connection_free (gpointer data)
{
  Connection *connection = data;

  session_run_free (connection->run);
  milter_player_free (connection->player);
  g_free (connection);
}

static void
on_done (SessionRun *run, gpointer user_data)
{
  ((Connection *) user_data)->all->n_left--;
}

/* there is none in a message from options */
static void
on_barrier (SessionRun *run, const char *name, gpointer user_data)
{
  session_run_pass_barrier (run);
}

static const SessionRunHandlers run_handlers = { .done = on_done, .barrier = on_barrier };

static void
add_connection (PlainRun *all, const char *name)
{
  const ServerOptions *options = all->options;
  Connection *connection = g_new0 (Connection, 1);
  MilterPlayerConfig config = { 0 };

  connection->all = all;
  connection->report_case = report_add_case (all->report, /* file= */ NULL, /* line= */ 0, name);
  config.profile = options->profile != NULL ? options->profile : milter_profile_get ("plain");
  config.n_peers = tool_chain_get_n_links (all->chain);
  config.peer_names = tool_chain_get_names (all->chain);
  config.lint = options->lint != SERVER_LINT_OFF;
  config.over_tcp = tool_chain_get_over_tcp (all->chain);
  config.timeout_us = options->reading_timeout_us;
  config.grace_us = 200 * G_TIME_SPAN_MILLISECOND;
  connection->player = milter_player_new (name, plain_message_source (options), &config);
  connection->run = session_run_new (connection->player,
                                     all->chain,
                                     (double) options->connection_timeout_us / G_USEC_PER_SEC,
                                     (double) options->writing_timeout_us / G_USEC_PER_SEC,
                                     options->lint != SERVER_LINT_OFF,
                                     &run_handlers,
                                     connection);
  report_case_set_peers (connection->report_case, config.n_peers, config.peer_names);
  g_ptr_array_add (all->connections, connection);
}

static void
start_all (PlainRun *all)
{
  for (guint i = 0; i < all->connections->len; i++)
    {
      Connection *connection = g_ptr_array_index (all->connections, i);

      report_case_begin (connection->report_case);
      report_case_follow (connection->report_case, connection->player);
      all->n_left++;
      session_run_start (connection->run);
    }
}

static void
on_chain (ToolChain *chain, gpointer user_data)
{
  PlainRun *all = user_data;

  for (guint i = 0; i < all->connections->len && all->n_left > 0; i++)
    session_run_chain_changed (
        ((const Connection *) g_ptr_array_index (all->connections, i))->run);
}

static void
on_signal (int signal_number, gpointer user_data)
{
  PlainRun *all = user_data;

  if (all->interrupted)
    {
      signal (signal_number, SIG_DFL);
      raise (signal_number);
    }
  all->interrupted = true;
  for (guint i = 0; i < all->connections->len; i++)
    session_run_cancel (((const Connection *) g_ptr_array_index (all->connections, i))->run,
                        MILTER_OUTCOME_FAILED,
                        "interrupted");
}

static ToolExit
status_of (const MilterPlayer *player)
{
  switch (milter_player_get_outcome (player))
    {
    case MILTER_OUTCOME_HELD:
      return TOOL_EXIT_OK;
    case MILTER_OUTCOME_BROKEN:
      return TOOL_EXIT_BROKEN;
    case MILTER_OUTCOME_FAILED:
    case MILTER_OUTCOME_SKIPPED:
      break;
    }
  return TOOL_EXIT_FAILED;
}

/* The standard output is read by scripts; what broke the session has been told. */
static void
tell_lint (const ServerOptions *options, const Connection *connection)
{
  if (milter_player_get_outcome (connection->player) == MILTER_OUTCOME_BROKEN
      || (options->quiet && options->lint != SERVER_LINT_ERROR))
    return;
  fflush (stdout);
  report_case_print_lint (
      connection->report_case, stderr, tool_color_is_on (options->color, stderr));
}

/* what a connection has to tell, in the order of the tool that this one follows */
static ToolExit
tell (const PlainRun *all, const Connection *connection, FILE *stream, bool color)
{
  const ServerOptions *options = all->options;
  const MilterPlayer *player = connection->player;
  const MilterPlayedMessage *message = message_of (player);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *problems = session_run_take_problems (connection->run);
  ToolExit status = status_of (player);

  report_case_take_verdict (connection->report_case, player);
  if (report_case_is_bad (connection->report_case))
    status = tool_exit_worse (status, TOOL_EXIT_FAILED);
  append_status (out, player, all->interrupted);
  g_string_append_printf (out,
                          "elapsed-time: %g seconds\n",
                          (double) session_run_get_elapsed_us (connection->run) / G_USEC_PER_SEC);
  append_quarantine (out, message);
  if (options->output_message)
    append_difference (out, options, player, color);
  if (!options->quiet || status != TOOL_EXIT_OK)
    fwrite (out->str, 1, out->len, stream);
  if (needs_explanation (player, options->verbose))
    report_case_print_failures (connection->report_case, stream, color);
  tell_broken (player);
  tell_lint (options, connection);
  if (problems != NULL)
    {
      report_case_add_problem (connection->report_case, TOOL_EXIT_BROKEN, problems);
      tool_error ("%s", problems);
      status = tool_exit_worse (status, TOOL_EXIT_BROKEN);
    }
  if (status == TOOL_EXIT_BROKEN)
    tool_milters_tell_output (all->chain, connection->report_case);
  return status;
}

static void
tell_all (const PlainRun *all, FILE *stream, bool color, ToolExit *status)
{
  for (guint i = 0; i < all->connections->len; i++)
    {
      const Connection *connection = g_ptr_array_index (all->connections, i);
      ToolExit own = tell (all, connection, stream, color);

      *status = i == 0 ? own : tool_exit_worse (*status, own);
      report_case_end (connection->report_case);
    }
}

static void
play (PlainRun *all)
{
  const ServerOptions *options = all->options;
  guint n = MAX (options->threads, 1);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name
          = n > 1 ? g_strdup_printf ("%s %u", options->name, i + 1) : g_strdup (options->name);

      add_connection (all, name);
    }
  tool_chain_set_listener (all->chain, on_chain, all);
  start_all (all);
  while (all->n_left > 0)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
}

ToolExit
play_plain (const ServerOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Report) report = open_report (options);
  g_autoptr (ToolChain) chain = server_milters_make (options, &error);
  g_autoptr (GPtrArray) connections = g_ptr_array_new_with_free_func (connection_free);
  PlainRun all = { .options = options, .report = report, .chain = chain, .connections = connections };
  g_autoptr (ToolSignals) signals = NULL;
  ToolExit status = TOOL_EXIT_FAILED;
  FILE *stream;

  if (report == NULL)
    return TOOL_EXIT_USAGE;
  if (chain == NULL)
    {
      tool_usage_error ("%s", error->message);
      return TOOL_EXIT_USAGE;
    }
  stream = report_choose_stream (report);
  /* scripts read the standard output, which begins with the status */
  if (options->verbose)
    report_add_text (report,
                     stderr,
                     REPORT_FRAMES,
                     options->color,
                     REPORT_NO_PROGRESS);
  report_begin (report, g_get_prgname ());
  signals = tool_milters_watch_signals (on_signal, &all);
  if (tool_milters_start (chain, &all.interrupted))
    {
      play (&all);
      tell_all (&all, stream, tool_color_is_on (options->color, stream), &status);
    }
  else
    status = TOOL_EXIT_BROKEN;
  status = tool_exit_worse (status, tool_milters_stop (chain));
  if (options->save_message != NULL && connections->len > 0)
    status = tool_exit_worse (
        status,
        save_message (
            options->save_message,
            message_of (((const Connection *) g_ptr_array_index (connections, 0))->player)));
  if (all.interrupted)
    report_interrupt (report);
  return report_finish (report) ? status : tool_exit_worse (status, TOOL_EXIT_USAGE);
}
