/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * play-init.c: --init: a first scenario for a milter.
 */
#include "play-init.h"

#include <signal.h>
#include <string.h>

#include "init-text.h"
#include "milter-smtp-reply.h"
#include "server-milters.h"
#include "session-run.h"
#include "tool-milters.h"

typedef struct
{
  const ServerOptions *options;
  ToolChain *chain;
  SessionRun *run; /* (nullable) */
  bool done, interrupted;
  guint8 command; /* the last one that was sent */
  guint n_headers;
  InitVerdict verdict;
} Init;

static void
on_signal (int signal_number, gpointer user_data)
{
  Init *init = user_data;

  if (init->interrupted)
    {
      signal (signal_number, SIG_DFL);
      raise (signal_number);
    }
  init->interrupted = true;
  if (init->run != NULL)
    session_run_cancel (init->run, MILTER_OUTCOME_FAILED, "interrupted");
}

static void
on_done (SessionRun *run, gpointer user_data)
{
  ((Init *) user_data)->done = true;
}

/* the scenario that we write has none */
static void
on_barrier (SessionRun *run, const char *name, gpointer user_data)
{
  session_run_pass_barrier (run);
}

static void
on_chain (ToolChain *chain, gpointer user_data)
{
  Init *init = user_data;

  if (init->run != NULL)
    session_run_chain_changed (init->run);
}

/* a refusal at connect belongs to no message: what decided is seen on the wire */
static void
on_frame (guint peer,
          MilterSide from,
          const MilterMessage *message,
          MilterTextFlags flags,
          gint64 now_us,
          gpointer user_data)
{
  Init *init = user_data;
  InitVerdict *verdict = &init->verdict;

  if (from == MILTER_SIDE_MTA && message->letter != MILTER_COMMAND_DEFINE_MACRO)
    {
      init->command = message->letter;
      if (message->letter == MILTER_COMMAND_HEADER)
        init->n_headers++;
    }
  if (from == MILTER_SIDE_MTA || verdict->verdict != 0 || message->letter == MILTER_REPLY_NEGOTIATE
      || message->spec == NULL || message->spec->kind != MILTER_REPLY_KIND_FINAL
      || message->letter == MILTER_REPLY_SKIP
      || (message->letter == MILTER_REPLY_CONTINUE
          && init->command != MILTER_COMMAND_END_OF_MESSAGE))
    return;
  verdict->verdict = message->letter;
  verdict->command = init->command;
  verdict->header = init->n_headers;
  if (message->letter == MILTER_REPLY_REPLY_CODE)
    {
      g_autoptr (MilterSmtpReply) reply
          = milter_smtp_reply_parse (message->fields[0].bytes, /* error= */ NULL);

      verdict->code = reply != NULL ? (int) reply->code : 0;
    }
}

/* whether the milter did its part, whatever it decided; else that has been told */
static bool
has_decided (const MilterPlayer *player)
{
  const GPtrArray *failures = milter_player_get_failures (player);

  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      if (failure->outcome != MILTER_OUTCOME_BROKEN)
        continue;
      tool_error ("%s: %s", failure->what, failure->got != NULL ? failure->got : "no answer");
      return false;
    }
  return true;
}

/* plays the last session of a scenario */
static bool
play_last (Init *init, const MilterScenario *scenario)
{
  static const SessionRunHandlers handlers = { .done = on_done, .barrier = on_barrier };
  const ServerOptions *options = init->options;
  const MilterScenarioSession *session
      = g_ptr_array_index (scenario->sessions, scenario->sessions->len - 1);
  MilterPlayerConfig config = { .n_peers = 1, .grace_us = 200 * G_TIME_SPAN_MILLISECOND };
  g_autoptr (MilterPlayer) player = NULL;
  g_autoptr (SessionRun) run = NULL;

  config.profile = options->profile != NULL ? options->profile : milter_profile_get ("postfix");
  config.timeout_us = options->timeout_us >= 0 ? options->timeout_us : 30 * G_TIME_SPAN_SECOND;
  player = milter_player_new (
      session->name, milter_step_source_new_for_session (session, /* round= */ 1, /* copy= */ 1), &config);
  run = session_run_new (player,
                         init->chain,
                         (double) options->connection_timeout_us / G_USEC_PER_SEC,
                         (double) options->writing_timeout_us / G_USEC_PER_SEC,
                         /* delays_ack= */ false,
                         &handlers,
                         init);
  init->run = run;
  milter_player_set_trace (player, on_frame, init);
  tool_chain_set_listener (init->chain, on_chain, init);
  session_run_start (run);
  while (!init->done)
    g_main_context_iteration (/* context= */ NULL, /* may_block= */ TRUE);
  init->run = NULL;
  return has_decided (player) && !init->interrupted;
}

/* NULL: the milter did not do its part, which has been told */
static char *
make_text (Init *init)
{
  const ToolNegotiated *negotiated = tool_chain_get_negotiated (init->chain);
  const char *command = init->options->init;
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;
  g_autofree char *draft = init_text (command, negotiated, /* verdict= */ NULL, /* error= */ NULL);

  scenario = milter_scenario_parse (
      "first.scenario", draft, strlen (draft), /* host= */ NULL, MILTER_SCENARIO_SESSIONS, messages);
  if (scenario == NULL)
    {
      tool_error ("this command cannot stand in a scenario: %s", messages->str);
      return NULL;
    }
  if (!play_last (init, scenario))
    return NULL;
  return init_text (command, negotiated, &init->verdict, /* error= */ NULL);
}

ToolExit
play_init (const ServerOptions *options)
{
  g_autoptr (ToolChain) chain = server_milters_new_chain (options);
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolSignals) signals = NULL;
  g_autofree char *text = NULL;
  Init init = { .options = options, .chain = chain };
  ToolExit status;

  if (!tool_chain_add_command (chain, options->init, &error))
    {
      tool_usage_error ("--init: %s", error->message);
      return TOOL_EXIT_USAGE;
    }
  signals = tool_milters_watch_signals (on_signal, &init);
  if (tool_milters_start (chain, &init.interrupted))
    text = make_text (&init);
  status = tool_milters_stop (chain);
  if (text == NULL)
    return TOOL_EXIT_BROKEN;
  fputs (text, stdout);
  return status == TOOL_EXIT_SKIPPED ? TOOL_EXIT_OK : status;
}
