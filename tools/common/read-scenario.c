/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-scenario.c: a scenario is played, against a milter that does what it expects, and in no time.
 */
#include "read-scenario.h"

#include <stdio.h>
#include <string.h>

#include "milter-imagine.h"
#include "milter-player.h"
#include "tool-console.h"

/* between what one says and what the other one answers */
#define STEP_US 1

/* until one closes when the other one has; a trace, which tells the first end alone, is read so, too */
#define REACTION_US 50

#define TIMEOUT_US ((gint64) 30 * G_TIME_SPAN_SECOND)
#define GRACE_US   ((gint64) 200 * G_TIME_SPAN_MILLISECOND)

static const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };

typedef struct
{
  TellingTo *to;
  gint64 now_us;
  ToolExit status;
} Telling;

/* one session */
typedef struct
{
  Telling *telling;
  MilterPlayer *player;
  ToldConnection told;
  GByteArray *answer;
  bool opened, over;
  bool left; /* the end of the MTA's side was told, or none is to be told */
} Play;

static MilterCaptureMoment
now (Play *play)
{
  return (MilterCaptureMoment){ .time_ns = play->telling->now_us * 1000 };
}

static void
open_connection (Play *play)
{
  static const MilterCaptureOpening opening = { .from_start = true };

  told_connection_open (&play->told, /* wanted= */ 0, &opening, play->telling->now_us * 1000);
  play->opened = true;
  milter_player_opened (play->player, 0, play->telling->now_us, /* error= */ NULL);
}

static void
say (Play *play, MilterSide from, MilterBytes bytes)
{
  MilterCaptureMoment moment;

  play->telling->now_us += STEP_US;
  moment = now (play);
  told_connection_take (&play->told, from, bytes, &moment);
}

static void
close_connection (Play *play, MilterSide side, bool reset)
{
  MilterCaptureMoment moment = now (play);

  told_connection_close (&play->told, side, reset, &moment);
}

static void
close_too (Play *play, MilterSide side)
{
  play->telling->now_us += REACTION_US;
  close_connection (play, side, /* reset= */ false);
}

/* --- the milter --------------------------------------------------------------------------------------- */

static void
hear_answer (Play *play)
{
  MilterBytes rest = milter_bytes (play->answer->data, play->answer->len);
  gint64 now_us = play->telling->now_us;

  while (rest.size > 0)
    {
      g_autoptr (GError) error = NULL;
      MilterMessage message;
      gsize used = 0;
      MilterDecodeStatus status = milter_message_decode (
          MILTER_SIDE_MILTER, rest.data, rest.size, &limits, &message, &used, &error);

      if (status == MILTER_DECODE_COMPLETE)
        milter_player_received (play->player, 0, &message, now_us);
      else if (status == MILTER_DECODE_ERROR)
        milter_player_received_garbage (play->player, 0, error, rest, now_us);
      if (status != MILTER_DECODE_COMPLETE)
        return;
      rest = milter_bytes (rest.data + used, rest.size - used);
    }
}

static void
end_milter (Play *play, bool reset)
{
  close_connection (play, MILTER_SIDE_MILTER, reset);
  play->over = true;
  /* behind a reset nothing follows, from neither */
  play->left = play->left || reset;
  milter_player_ended (play->player, 0, reset, milter_bytes (NULL, 0), play->telling->now_us);
}

static void
wait_for_milter (Play *play, gint64 deadline_us)
{
  g_autoptr (GError) error = NULL;
  MilterImagined imagined = MILTER_IMAGINED_NOTHING;

  g_byte_array_set_size (play->answer, 0);
  if (!play->over && play->opened
      && !milter_imagine (play->player, play->answer, &imagined, &error))
    {
      tool_error ("%s; it is told as if the mail passed", error->message);
      play->telling->status = TOOL_EXIT_USAGE;
    }
  if (play->answer->len > 0)
    {
      say (play, MILTER_SIDE_MILTER, milter_bytes (play->answer->data, play->answer->len));
      hear_answer (play);
    }
  if (imagined == MILTER_IMAGINED_CLOSED || imagined == MILTER_IMAGINED_RESET)
    end_milter (play, imagined == MILTER_IMAGINED_RESET);
  else if (imagined == MILTER_IMAGINED_NOTHING)
    play->telling->now_us = MAX (play->telling->now_us, deadline_us);
}

/* --- the MTA ------------------------------------------------------------------------------------------ */

static void
end_mta (Play *play, MilterPlayerActionKind kind)
{
  close_connection (play, MILTER_SIDE_MTA, kind == MILTER_PLAYER_RESET);
  play->left = true;
  if (kind == MILTER_PLAYER_HALF_CLOSE)
    return;
  if (!play->over && kind == MILTER_PLAYER_CLOSE)
    close_too (play, MILTER_SIDE_MILTER);
  play->over = true;
}

/* false: the session is over */
static bool
act (Play *play, const MilterPlayerAction *action)
{
  switch (action->kind)
    {
    case MILTER_PLAYER_OPEN:
      open_connection (play);
      return true;
    case MILTER_PLAYER_SEND:
      say (play, MILTER_SIDE_MTA, action->bytes);
      return true;
    case MILTER_PLAYER_WAIT:
      wait_for_milter (play, action->deadline_us);
      return true;
    case MILTER_PLAYER_CLOSE:
    case MILTER_PLAYER_RESET:
    case MILTER_PLAYER_HALF_CLOSE:
      end_mta (play, action->kind);
      return true;
    case MILTER_PLAYER_BARRIER:
      milter_player_pass_barrier (play->player, play->telling->now_us);
      return true;
    case MILTER_PLAYER_PAUSE_READING:
    case MILTER_PLAYER_RESUME_READING:
      return true;
    case MILTER_PLAYER_DONE:
      return false;
    }
  g_return_val_if_reached (false);
}

/* What was made up does not hold: several expectations of a line are more than one text can meet, or a
 * result would take edits that nobody told. */
static void
tell_failures (Play *play)
{
  const GPtrArray *failures = milter_player_get_failures (play->player);
  const char *skipped = milter_player_get_skip_reason (play->player);

  if (milter_player_get_outcome (play->player) != MILTER_OUTCOME_HELD)
    play->telling->status = TOOL_EXIT_USAGE;
  if (skipped != NULL)
    tool_error ("session %s is told no further: %s", milter_player_get_name (play->player), skipped);
  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      tool_error ("%s:%u: no milter could be made up that does what is expected: %s: expected %s, got %s",
                  failure->where.file != NULL ? failure->where.file : "-",
                  failure->where.line,
                  failure->what,
                  failure->expected != NULL ? failure->expected : "something else",
                  failure->got);
    }
}

static void
play_to_its_end (Play *play)
{
  MilterPlayerAction action;
  MilterCaptureMoment moment;

  do
    milter_player_next (play->player, play->telling->now_us, &action);
  while (act (play, &action));
  /* an MTA closes when the milter has: the session is over here, and not where all the recording is */
  if (play->over && !play->left)
    close_too (play, MILTER_SIDE_MTA);
  moment = now (play);
  if (play->opened)
    told_connection_finish (&play->told, &moment);
  tell_failures (play);
}

static void
tell_session (Telling *telling,
              const MilterScenario *scenario,
              const MilterScenarioSession *session,
              guint round,
              guint copy)
{
  g_autofree char *name = milter_scenario_session_make_name (session, round, copy);
  MilterPlayerConfig config = {
    .profile = milter_profile_get (session->profile != NULL ? session->profile : "postfix"),
    .n_peers = 1,
    .timeout_us = session->timeout_us != 0 ? session->timeout_us : TIMEOUT_US,
    .grace_us = GRACE_US,
    .macros = session->macros,
    .send_as = scenario->send_as,
    .requirements = scenario->requirements,
    .more_requirements = session->requirements,
  };
  g_autoptr (MilterPlayer) player
      = milter_player_new (name, milter_step_source_new_for_session (session, round, copy), &config);
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  Play play = { .telling = telling, .player = player, .answer = answer };

  told_connection_init (&play.told, telling->to);
  play_to_its_end (&play);
  telling->now_us += STEP_US;
  told_connection_clear (&play.told);
}

static ToolExit
tell_scenario (const MilterScenario *scenario, const char *name, TellingTo *to)
{
  Telling telling = { .to = to, .status = TOOL_EXIT_OK };

  if (scenario->milters->len > 1)
    {
      tool_error ("%s: a chain of milters cannot be told as a recording: what one of them is sent depends on "
                  "the edits of the others; let milter-test-server play it, and record that",
                  name);
      return TOOL_EXIT_USAGE;
    }
  if (to->sink->started != NULL)
    to->sink->started (0, to->data);
  for (guint i = 0; i < scenario->sessions->len; i++)
    {
      const MilterScenarioSession *session = g_ptr_array_index (scenario->sessions, i);

      for (guint round = 1; round <= session->repeat; round++)
        for (guint copy = 1; copy <= MAX (session->parallel, 1); copy++)
          tell_session (&telling, scenario, session, round, copy);
    }
  return telling.status;
}

/* --- files -------------------------------------------------------------------------------------------- */

/* Reads all of it, or as much as shows that it is too much. */
static MilterBytes
read_all (MilterCaptureInput *input)
{
  while (!input->over && input->left <= MILTER_SCENARIO_MAX_FILE)
    milter_capture_input_fill (input, MAX (input->left * 2, 4096));
  return milter_bytes (input->at, input->left);
}

ToolExit
read_scenario (MilterCaptureInput *input, const char *path, TellingTo *to)
{
  const char *name = strcmp (path, "-") == 0 ? "standard input" : path;
  MilterBytes text = read_all (input);
  g_autoptr (GString) messages = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;

  if (input->error != 0)
    {
      tool_error ("%s cannot be read: %s", name, g_strerror (input->error));
      return TOOL_EXIT_USAGE;
    }
  scenario = milter_scenario_parse (
      name, (const char *) text.data, text.size, /* host= */ NULL, MILTER_SCENARIO_SESSIONS, messages);
  if (scenario != NULL)
    return tell_scenario (scenario, name, to);
  tool_error ("%s is no capture (pcap, pcapng), no trace (\"start TIME\" at its top), and no scenario:", name);
  fputs (messages->str, stderr);
  return TOOL_EXIT_USAGE;
}
