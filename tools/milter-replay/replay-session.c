/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-session.c: does what a replayer says.
 */
#include "replay-session.h"

#include "milter-cache.h"
#include "milter-server-port-private.h"

/* what a milter that said something unasked, or closed the connection by itself, may take to do so
 * again */
#define GRACE_US (200 * G_TIME_SPAN_MILLISECOND)

typedef enum
{
  SESSION_WAITS, /* for its turn */
  SESSION_PLAYS,
  SESSION_PLAYED /* until all that matters of the recording is known */
} SessionState;

/* sessions that are kept to be used again */
#define MAX_SPARES 512u

/* first what each command needs */
struct _ReplaySession
{
  MilterReplayer *replayer;
  MilterServerPort *port; /* (nullable) */
  SessionState state;
  bool hungry;
  bool recorded_whole; /* nothing more of the recording matters */
  bool over;
  bool connected;
  gint64 now_us; /* when something came last */

  const ReplaySetup *setup;
  gpointer owner;
  ReportCase *report_case; /* NULL: reported */
  bool unreachable;
  bool from_start;
  MilterTextFlags flags;   /* how messages are shown, by what was agreed */
  MilterCapturePlace place;
  GString *mta, *milter;   /* the addresses of the recording; empty: not known */
  ReplayJudge *judge;      /* (nullable) once something is different */
  GArray *left_out;        /* (nullable) of LeftOut */
};

/* so many commands of a letter were not played, for one reason */
typedef struct
{
  guint8 letter;
  MilterReplayLeftOut why;
  guint n;
} LeftOut;

static void pump (ReplaySession *session);

/* how bytes leave */
typedef void (*Send) (MilterServerPort *port, MilterBytes bytes);

static void pump_by (ReplaySession *session, Send send, gint64 now_us);

/* --- what a replayer tells -------------------------------------------------------------------- */

static void
on_difference (const ReplayDifference *difference, gpointer data)
{
  ReplaySession *session = data;
  MilterFailure failure = {
    .outcome = MILTER_OUTCOME_FAILED,
    .where = { .file = session->setup->file },
    .what = difference->what,
    .expected = difference->recorded,
    .got = difference->now,
  };

  report_case_add_failure (session->report_case, &failure);
}

/* What nobody knows is no pass, unless the user says so. Where the session is different already,
 * that is the reason often enough. */
static void
on_doubt (const char *sentence, bool passes, gpointer data)
{
  ReplaySession *session = data;

  if (passes || report_case_is_bad (session->report_case))
    report_case_add_note (session->report_case, sentence);
  else
    report_case_add_problem (session->report_case, TOOL_EXIT_FAILED, sentence);
}

static void
on_diverged (gpointer data)
{
  static const ReplayJudgeEvents events = { .difference = on_difference, .doubt = on_doubt };
  ReplaySession *session = data;
  MilterCaptureOpening opening = {
    session->mta->len > 0 ? session->mta->str : NULL,
    session->milter->len > 0 ? session->milter->str : NULL,
    session->from_start,
  };

  session->judge = replay_judge_new (session->setup->rules, &events, session);
  replay_judge_open (session->judge,
                     &session->place,
                     &opening,
                     milter_replayer_get_counts (session->replayer)->n_same);
}

/* the case has it for those who want to see what was said */
static void
show (ReplaySession *session, const MilterReplayEvent *event)
{
  MilterMessage message;

  if (event->kind != MILTER_REPLAY_FRAME)
    return;
  milter_message_parse (event->from,
                        event->bytes.data[4],
                        milter_bytes (event->bytes.data + 5, event->bytes.size - 5),
                        &message);
  if (message.letter == MILTER_REPLY_NEGOTIATE && message.fault == MILTER_NO_FAULT
      && event->from == MILTER_SIDE_MILTER)
    session->flags = message.fields[2].number & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE
                         ? MILTER_TEXT_LEADING_SPACE
                         : MILTER_TEXT_PLAIN;
  report_case_add_message (
      session->report_case, /* peer= */ 0, &message, session->flags, g_get_monotonic_time ());
}

static void
on_event (MilterReplayStream stream, const MilterReplayEvent *event, gpointer data)
{
  ReplaySession *session = data;

  replay_judge_take (session->judge, stream, event);
  if (stream == MILTER_REPLAY_LIVE && session->setup->tells_all)
    show (session, event);
}

static void
on_left_out (guint8 letter, MilterReplayLeftOut why, gpointer data)
{
  ReplaySession *session = data;
  LeftOut left_out = { letter, why, 1 };

  if (session->left_out == NULL)
    session->left_out
        = g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof left_out);
  for (guint i = 0; i < session->left_out->len; i++)
    {
      LeftOut *row = &g_array_index (session->left_out, LeftOut, i);

      if (row->letter == letter && row->why == why)
        {
          row->n++;
          return;
        }
    }
  g_array_append_val (session->left_out, left_out);
}

static void
on_broke (const char *sentence, gpointer data)
{
  report_case_add_problem (((ReplaySession *) data)->report_case, TOOL_EXIT_BROKEN, sentence);
}

static const MilterReplayerHandlers replayer_handlers = {
  .diverged = on_diverged,
  .event = on_event,
  .left_out = on_left_out,
  .broke = on_broke,
};

/* --- the end ---------------------------------------------------------------------------------- */

/* `left out, since the milter had decided: rcpt, data, 8 header, eoh` */
static void
note_left_out (ReplaySession *session, MilterReplayLeftOut why)
{
  static const char *const reasons[] = {
    [MILTER_REPLAY_DECIDED] = "since the milter had decided",
    [MILTER_REPLAY_UNWANTED] = "as the milter negotiated",
    [MILTER_REPLAY_LOST] = "since bytes of the message are missing in the recording",
  };
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; session->left_out != NULL && i < session->left_out->len; i++)
    {
      const LeftOut *row = &g_array_index (session->left_out, LeftOut, i);
      const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, row->letter);

      if (row->why != why)
        continue;
      if (text->len == 0)
        g_string_append_printf (text, "left out, %s: ", reasons[why]);
      else
        g_string_append (text, ", ");
      if (row->n > 1)
        g_string_append_printf (text, "%u ", row->n);
      if (spec != NULL)
        g_string_append (text, spec->word);
      else
        g_string_append_printf (text, "frame 0x%02x", row->letter);
    }
  if (text->len > 0)
    report_case_add_note (session->report_case, text->str);
}

static void
close_port (ReplaySession *session, bool reset)
{
  MilterServerPort *port = g_steal_pointer (&session->port);

  if (port != NULL)
    _milter_server_port_close (port, reset);
  session->hungry = false;
}

/* Nothing more passes, or will be recorded: what there is is judged. */
static void
end_if_over (ReplaySession *session)
{
  if (session->state != SESSION_PLAYED || !session->recorded_whole || session->over)
    return;
  session->over = true;
  if (session->judge != NULL)
    replay_judge_finish (session->judge);
  for (int why = 0; why < MILTER_REPLAY_N_LEFT_OUT; why++)
    note_left_out (session, (MilterReplayLeftOut) why);
  report_case_end (g_steal_pointer (&session->report_case));
  session->setup->over (session, session->setup->data);
}

static void
end_playing (ReplaySession *session, bool reset)
{
  close_port (session, reset);
  if (session->state == SESSION_PLAYS)
    session->state = SESSION_PLAYED;
  end_if_over (session);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void
on_ready (MilterServerPort *port, const GError *error, gpointer user_data)
{
  ReplaySession *session = user_data;

  if (error != NULL)
    {
      session->unreachable = true;
      session->recorded_whole = true;
      report_case_add_problem (session->report_case, TOOL_EXIT_BROKEN, error->message);
      end_playing (session, /* reset= */ false);
      return;
    }
  session->connected = true;
  pump (session);
}

static gsize
on_taken (MilterServerPort *port, MilterBytes bytes, gint64 now_us, gpointer user_data)
{
  ReplaySession *session = user_data;

  session->now_us = now_us;
  return milter_replayer_take_same (session->replayer, bytes, now_us);
}

static void
on_message (MilterServerPort *port, const MilterMessage *message, gpointer user_data)
{
  ReplaySession *session = user_data;

  session->now_us = g_get_monotonic_time ();
  milter_replayer_received (session->replayer, message, session->now_us);
}

/* only now: a second answer that came with the first one answers nothing that is sent next */
static void
on_settled (MilterServerPort *port, gpointer user_data)
{
  ReplaySession *session = user_data;

  pump_by (session, _milter_server_port_send, session->now_us);
}

static void
on_garbage (MilterServerPort *port, const GError *error, MilterBytes head, gpointer user_data)
{
  ReplaySession *session = user_data;

  milter_replayer_ended (
      session->replayer, /* reset= */ false, error->message, g_get_monotonic_time ());
  pump (session);
}

static void
on_ended (MilterServerPort *port, gboolean reset, MilterBytes leftover, gpointer user_data)
{
  ReplaySession *session = user_data;

  milter_replayer_ended (session->replayer, reset, /* garbage= */ NULL, g_get_monotonic_time ());
  pump (session);
}

static void
on_stalled (MilterServerPort *port, gpointer user_data)
{
  ReplaySession *session = user_data;
  g_autofree char *why = g_strdup_printf ("the milter did not read what was sent to it for %g s",
                                          session->setup->writing_timeout);

  milter_replayer_give_up (session->replayer, g_get_monotonic_time ());
  on_broke (why, session);
  end_playing (session, /* reset= */ true);
}

static void
on_deadline (MilterServerPort *port, gpointer user_data)
{
  pump (user_data);
}

static const MilterServerPortHandlers port_handlers = {
  .ready = on_ready,
  .take = on_taken,
  .message = on_message,
  .settled = on_settled,
  .garbage = on_garbage,
  .ended = on_ended,
  .stalled = on_stalled,
  .deadline = on_deadline,
};

/* --- what is to be done ----------------------------------------------------------------------- */

static void
pump_by (ReplaySession *session, Send send, gint64 now_us)
{
  MilterReplayAction action;

  if (session->port == NULL || !session->connected)
    return;
  do
    {
      milter_replayer_next (session->replayer, now_us, &action);
      if (action.kind == MILTER_REPLAY_SEND)
        send (session->port, action.bytes);
    }
  while (action.then == MILTER_REPLAY_SEND);
  session->hungry = action.then == MILTER_REPLAY_MORE;
  if (action.then == MILTER_REPLAY_DONE)
    end_playing (session, action.reset);
  else
    _milter_server_port_set_deadline (
        session->port,
        action.then == MILTER_REPLAY_WAIT && action.deadline_us < G_MAXINT64 ? action.deadline_us
                                                                             : 0);
}

static void
pump (ReplaySession *session)
{
  pump_by (session, _milter_server_port_pass, g_get_monotonic_time ());
}

/* --- from outside ----------------------------------------------------------------------------- */

static ReplaySession *
make_session (const ReplaySetup *setup)
{
  ReplaySession *session = g_aligned_alloc0 (1, sizeof *session, MILTER_CACHE_LINE);

  session->mta = g_string_new (NULL);
  session->milter = g_string_new (NULL);
  session->replayer
      = milter_replayer_new (setup->timeout_us, GRACE_US, setup->out, &replayer_handlers, session);
  return session;
}

/* … with its memory */
static ReplaySession *
take_spare (const ReplaySetup *setup)
{
  ReplaySession *session = g_ptr_array_steal_index_fast (setup->spares, setup->spares->len - 1);

  *session = (ReplaySession){
    .mta = session->mta, .milter = session->milter, .replayer = session->replayer
  };
  milter_replayer_reset (session->replayer, session);
  return session;
}

ReplaySession *
replay_session_new (const ReplaySetup *setup,
                    gpointer owner,
                    const char *name,
                    const MilterCapturePlace *place,
                    const MilterCaptureOpening *opening)
{
  ReplaySession *session = setup->spares->len > 0 ? take_spare (setup) : make_session (setup);

  session->setup = setup;
  session->owner = owner;
  session->place = *place;
  g_string_assign (session->mta, opening->mta != NULL ? opening->mta : "");
  g_string_assign (session->milter, opening->milter != NULL ? opening->milter : "");
  session->from_start = opening->from_start;
  session->report_case = report_add_case (setup->report, setup->file, /* line= */ 0, name);
  if (setup->tells_all)
    milter_replayer_tell_all (session->replayer);
  return session;
}

void
replay_session_free_spare (gpointer data)
{
  ReplaySession *session = data;

  milter_replayer_free (session->replayer);
  g_string_free (session->mta, TRUE);
  g_string_free (session->milter, TRUE);
  g_aligned_free (session);
}

void
replay_session_free (ReplaySession *session)
{
  if (session == NULL)
    return;
  close_port (session, /* reset= */ false);
  g_clear_pointer (&session->judge, replay_judge_free);
  g_clear_pointer (&session->left_out, g_array_unref);
  if (session->setup->spares->len < MAX_SPARES)
    g_ptr_array_add (session->setup->spares, session);
  else
    replay_session_free_spare (session);
}

/* behind the MTA's end, or the milter's, nothing is recorded that could be played or compared */
static bool
is_last (const MilterReplayEvent *event)
{
  return event->kind == MILTER_REPLAY_END && (event->from == MILTER_SIDE_MTA || event->reset);
}

void
replay_session_fetch (const ReplaySession *session, guint step)
{
  if (step == 0)
    milter_cache_fetch (session, MILTER_CACHE_LINE);
  else
    milter_replayer_fetch (session->replayer, step - 1);
}

bool
replay_session_add (ReplaySession *session, const MilterReplayEvent *event)
{
  bool was_hungry = session->hungry;

  if (session->over)
    return false;
  milter_replayer_add (session->replayer, event);
  session->recorded_whole = session->recorded_whole || is_last (event);
  if (session->state == SESSION_PLAYED)
    end_if_over (session);
  session->hungry = false;
  return was_hungry;
}

void
replay_session_feed (ReplaySession *session, gint64 now_us)
{
  /* outside of a turn of the loop: what is sent need not wait for one */
  pump_by (session, _milter_server_port_pass, now_us);
}

void
replay_session_finish (ReplaySession *session)
{
  if (session->over)
    return;
  session->recorded_whole = true;
  milter_replayer_finish (session->replayer);
  if (session->state == SESSION_PLAYED)
    end_if_over (session);
  else
    pump (session);
}

void
replay_session_start (ReplaySession *session)
{
  const ReplaySetup *setup = session->setup;
  const MilterServerPortConfig config = {
    .connection_timeout = setup->connection_timeout,
    .writing_timeout = setup->writing_timeout,
    .limits = { .max_payload = MILTER_LIMIT_FROM_MILTER },
    .lingers = setup->lingers,
  };
  g_autoptr (GError) error = NULL;

  session->state = SESSION_PLAYS;
  report_case_begin (session->report_case);
  session->port = _milter_server_port_new (setup->spec, &config, &port_handlers, session, &error);
  if (session->port == NULL)
    on_ready (NULL, error, session);
}

void
replay_session_stop (ReplaySession *session, const char *why)
{
  if (session->over)
    return;
  session->over = true;
  close_port (session, /* reset= */ false);
  report_case_leave_out (session->report_case, why);
  report_case_end (g_steal_pointer (&session->report_case));
  session->setup->over (session, session->setup->data);
}

gpointer
replay_session_get_owner (const ReplaySession *session)
{
  return session->owner;
}

bool
replay_session_is_started (const ReplaySession *session)
{
  return session->state != SESSION_WAITS;
}

bool
replay_session_is_over (const ReplaySession *session)
{
  return session->over;
}

bool
replay_session_is_hungry (const ReplaySession *session)
{
  return session->hungry || session->state == SESSION_PLAYED;
}

gsize
replay_session_get_held (const ReplaySession *session)
{
  return milter_replayer_get_held (session->replayer);
}

const MilterReplayCounts *
replay_session_get_counts (const ReplaySession *session)
{
  return milter_replayer_get_counts (session->replayer);
}

const ReplayJudgeCounts *
replay_session_get_findings (const ReplaySession *session)
{
  return session->judge != NULL ? replay_judge_get_counts (session->judge) : NULL;
}

bool
replay_session_is_unreachable (const ReplaySession *session)
{
  return session->unreachable;
}
