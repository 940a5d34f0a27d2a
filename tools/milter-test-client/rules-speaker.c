/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rules-speaker.c: one connection: asks the responder, and does what it says.
 *
 * All of it happens in the thread of the context, also the waiting.
 */
#include <string.h>

#include "milter-frame-stream.h"
#include "milter-protocol-agent-private.h"
#include "milter-session.h"
#include "rules-private.h"
#include "tool-source.h"

typedef struct
{
  Rules *rules;                   /* unowned */
  MilterClientContext *context;   /* unowned; it tells its end */
  MilterResponder *responder;     /* (nullable) without rules */
  MilterEcho *echo;               /* (nullable) without a recording */
  const MilterClientTap *watcher; /* (nullable) */
  gpointer watcher_data;
  GSource *clock; /* wakes when something is due */
  bool greeted;   /* an offer has come */
  bool quits;     /* a quit is answered; then comes the end, as a milter does */
  bool over;      /* the MTA's end has been told */

  /* --strict */
  MilterSession session;
  MilterFrameStream said; /* by us */
  bool provoked;          /* we have said what a milter must not: the MTA may break off */
  Violation *violation; /* (nullable) */
} Speaker;

static gint64
now (void)
{
  return g_get_monotonic_time ();
}

static const MilterMacros *
get_macros (Speaker *speaker)
{
  return _milter_protocol_agent_get_store (MILTER_PROTOCOL_AGENT (speaker->context));
}

/* --- answers ---------------------------------------------------------------------------------- */

/* the speaker may be gone when it returns */
static void
finish_answer (Speaker *speaker)
{
  if (speaker->quits)
    _milter_client_context_end (speaker->context, /* reset= */ FALSE);
  else
    _milter_client_context_answered (speaker->context,
                                     milter_responder_get_answer (speaker->responder));
}

/* Whether more can be done at once; else the speaker may be gone. */
static bool
act (Speaker *speaker, const MilterPlayerAction *action)
{
  MilterClientContext *context = speaker->context;

  switch (action->kind)
    {
    case MILTER_PLAYER_SEND:
      /* a piece is a write of its own */
      _milter_client_context_send (context, action->bytes);
      _milter_client_context_flush (context);
      return true;
    case MILTER_PLAYER_WAIT:
      tool_clock_set (speaker->clock, action->deadline_us);
      return false;
    case MILTER_PLAYER_CLOSE:
    case MILTER_PLAYER_RESET:
      _milter_client_context_end (context, action->kind == MILTER_PLAYER_RESET);
      return false;
    case MILTER_PLAYER_HALF_CLOSE:
      _milter_client_context_half_close (context);
      return true;
    case MILTER_PLAYER_PAUSE_READING:
    case MILTER_PLAYER_RESUME_READING:
      _milter_client_context_set_reading (context, action->kind == MILTER_PLAYER_RESUME_READING);
      return true;
    case MILTER_PLAYER_DONE:
      finish_answer (speaker);
      return false;
    case MILTER_PLAYER_OPEN:
    case MILTER_PLAYER_BARRIER:
      return false;
    }
  return false;
}

static void
pump (Speaker *speaker)
{
  MilterPlayerAction action;

  do
    milter_responder_next (speaker->responder, now (), &action);
  while (act (speaker, &action));
}

static gboolean
on_time (gpointer speaker)
{
  pump (speaker);
  return G_SOURCE_CONTINUE;
}

/* with rules, an offer that none speaks of is answered with every action, and no step */
static bool
answer_offer (Speaker *speaker, const MilterMessage *offer)
{
  g_autoptr (GByteArray) frame = g_byte_array_new ();
  MilterMessage answer;
  MilterBytes bytes;

  if (offer->fault != MILTER_NO_FAULT || offer->fields[0].number < MILTER_PROTOCOL_VERSION_MIN)
    return false;
  milter_message_init (&answer, MILTER_SIDE_MILTER, MILTER_REPLY_NEGOTIATE);
  answer.fields[0].number = MIN (offer->fields[0].number, MILTER_PROTOCOL_VERSION_MAX);
  answer.fields[1].number = offer->fields[1].number;
  if (!milter_message_append (&answer, frame, /* error= */ NULL))
    return false;
  bytes = milter_bytes (frame->data, frame->len);
  _milter_client_context_send (speaker->context, bytes);
  _milter_client_context_answered (speaker->context, bytes);
  return true;
}

/* As in the recording; @message: (nullable) the MTA's end. false: nothing was recorded to say to it. */
static bool
answer_as_recorded (Speaker *speaker, const MilterMessage *message)
{
  MilterClientContext *context = speaker->context;
  MilterEchoAnswer answer = { .end = MILTER_ECHO_STAYS };

  if (!(message != NULL ? milter_echo_received (speaker->echo, message, &answer)
                        : milter_echo_ended (speaker->echo, &answer)))
    return false;
  if (answer.bytes.size > 0)
    _milter_client_context_send (context, answer.bytes);
  if (answer.end == MILTER_ECHO_STAYS)
    _milter_client_context_answered (context, answer.bytes);
  else
    _milter_client_context_end (context, answer.end == MILTER_ECHO_RESETS);
  return true;
}

/* --- --strict --------------------------------------------------------------------------------- */

static void
note_violation (Speaker *speaker, const char *sentence)
{
  if (speaker->violation == NULL)
    {
      speaker->violation = g_new0 (Violation, 1);
      speaker->violation->who = rules_name_connection (speaker->context);
      speaker->violation->sentences = g_string_new (NULL);
    }
  g_string_append_printf (speaker->violation->sentences, "%s\n", sentence);
  if (!speaker->rules->silent)
    tool_error ("connection from %s: against the protocol: %s", speaker->violation->who, sentence);
}

static void
judge_command (Speaker *speaker, const MilterMessage *message)
{
  g_autoptr (GError) error = NULL;

  /* after bytes that are no answer nobody knows what an MTA may say */
  if (!speaker->said.broken && !milter_session_command (&speaker->session, message, &error))
    note_violation (speaker, error->message);
}

/* what we answer decides what the MTA may say next */
static void
follow_answers (Speaker *speaker, MilterBytes bytes)
{
  MilterFrameStream *said = &speaker->said;
  MilterMessage message;
  guint8 letter;
  MilterBytes payload;

  if (said->broken)
    return;
  milter_frame_stream_feed (said, bytes);
  while (milter_frame_stream_next (said, &letter, &payload))
    {
      milter_message_parse (MILTER_SIDE_MILTER, letter, payload, &message);
      if (!milter_session_reply (&speaker->session, &message, /* error= */ NULL))
        speaker->provoked = true;
    }
  if (said->broken)
    {
      speaker->provoked = true;
      milter_frame_stream_clear (said);
    }
}

static bool
is_told (const Speaker *speaker, const char *sentence)
{
  return speaker->violation != NULL && strstr (speaker->violation->sentences->str, sentence) != NULL;
}

/* bytes that make no frame, and a command that the MTA did not end */
static bool
is_violation (const GError *error)
{
  return g_error_matches (error, MILTER_CODEC_ERROR, MILTER_CODEC_ERROR_EMPTY_FRAME)
         || g_error_matches (error, MILTER_CODEC_ERROR, MILTER_CODEC_ERROR_FRAME_TOO_LONG)
         || g_error_matches (
             error, MILTER_CLIENT_CONTEXT_ERROR, MILTER_CLIENT_CONTEXT_ERROR_IO_ERROR);
}

/* What the library finds wrong with a command has been judged before, in the same words. */
static void
on_error (MilterClientContext *context, GError *error, gpointer user_data)
{
  Speaker *speaker = user_data;
  g_autofree char *name = NULL;

  /* a milter that says what it must not may well be left in the middle of something, and with what it
   * said unread: sendmail then resets the connection */
  bool may_break = (speaker->rules->silent || speaker->provoked)
                   && g_error_matches (error,
                                       MILTER_CLIENT_CONTEXT_ERROR,
                                       MILTER_CLIENT_CONTEXT_ERROR_IO_ERROR);

  if (is_violation (error) && !may_break)
    note_violation (speaker, error->message);
  else if (!speaker->rules->silent && !is_told (speaker, error->message))
    {
      name = rules_name_connection (context);
      tool_error ("connection from %s: %s", name, error->message);
    }
}

/* --- the tap ---------------------------------------------------------------------------------- */

static void
on_passed (MilterClientContext *context, MilterSide from, MilterBytes bytes, gpointer user_data)
{
  Speaker *speaker = user_data;

  if (speaker->rules->strict && from == MILTER_SIDE_MILTER)
    follow_answers (speaker, bytes);
  if (speaker->watcher != NULL && speaker->watcher->passed != NULL)
    speaker->watcher->passed (context, from, bytes, speaker->watcher_data);
}

/* the client tells whose rules it wants */
static void
choose_rules (Speaker *speaker, const MilterMessage *message)
{
  g_autofree char *helo = NULL;
  Rules *chosen;

  if (message->letter != MILTER_COMMAND_HELO || message->fault != MILTER_NO_FAULT
      || speaker->rules->choose == NULL)
    return;
  helo = g_strndup ((const char *) message->fields[0].bytes.data, message->fields[0].bytes.size);
  chosen = speaker->rules->choose (helo, speaker->watcher_data);
  if (chosen == NULL)
    return;
  speaker->rules = chosen;
  milter_responder_set_book (speaker->responder, chosen->book);
}

static gboolean
on_command (MilterClientContext *context, const MilterMessage *message, gpointer user_data)
{
  Speaker *speaker = user_data;
  bool is_offer = message->letter == MILTER_COMMAND_NEGOTIATE && !speaker->greeted;

  choose_rules (speaker, message);
  if (speaker->rules->strict)
    judge_command (speaker, message);
  speaker->greeted = speaker->greeted || is_offer;
  if (speaker->echo != NULL)
    return answer_as_recorded (speaker, message);
  if (speaker->responder == NULL)
    return FALSE;
  if (!milter_responder_received (speaker->responder, message, get_macros (speaker), now ()))
    return is_offer && !speaker->rules->has_program && answer_offer (speaker, message);
  speaker->quits = message->letter == MILTER_COMMAND_QUIT;
  pump (speaker);
  return TRUE;
}

static gboolean
on_garbage (MilterClientContext *context, MilterBytes bytes, gpointer user_data)
{
  Speaker *speaker = user_data;

  if (speaker->responder == NULL || !milter_responder_garbage (speaker->responder, bytes))
    return FALSE;
  pump (speaker);
  return TRUE;
}

static gboolean
on_closed (MilterClientContext *context, gpointer user_data)
{
  Speaker *speaker = user_data;

  if (speaker->echo != NULL)
    return answer_as_recorded (speaker, /* message= */ NULL);
  if (speaker->responder == NULL)
    return FALSE;
  speaker->over = true;
  if (!milter_responder_ended (speaker->responder, get_macros (speaker), now ()))
    return FALSE;
  pump (speaker);
  return TRUE;
}

static void
speaker_free (Speaker *speaker)
{
  tool_source_free (speaker->clock);
  g_clear_pointer (&speaker->responder, milter_responder_free);
  milter_echo_free (speaker->echo);
  milter_frame_stream_clear (&speaker->said);
  milter_session_clear (&speaker->session);
  g_free (speaker);
}

static void
on_ended (MilterClientContext *context, gboolean by_us, gboolean reset, gpointer user_data)
{
  Speaker *speaker = user_data;

  /* nothing can be done about it any more, but it counts */
  if (speaker->responder != NULL && !speaker->over && !by_us)
    milter_responder_ended (speaker->responder, get_macros (speaker), now ());
  if (speaker->watcher != NULL && speaker->watcher->ended != NULL)
    speaker->watcher->ended (context, by_us, reset, speaker->watcher_data);
  if (speaker->violation != NULL)
    rules_add_violation (speaker->rules, g_steal_pointer (&speaker->violation));
  g_signal_handlers_disconnect_by_data (context, speaker);
  speaker_free (speaker);
}

static const MilterClientTap speaker_tap
    = { .passed = on_passed, .command = on_command, .garbage = on_garbage, .closed = on_closed,
        .ended = on_ended };

void
rules_attach (Rules *rules,
              MilterClientContext *context,
              const MilterClientTap *watcher,
              gpointer watcher_data)
{
  Speaker *speaker;

  if (rules->book == NULL && rules->echoes == NULL && !rules->strict)
    {
      if (watcher != NULL)
        _milter_client_context_set_tap (context, watcher, watcher_data);
      return;
    }
  speaker = g_new0 (Speaker, 1);
  speaker->rules = rules;
  speaker->context = context;
  speaker->watcher = watcher;
  speaker->watcher_data = watcher_data;
  milter_session_init (&speaker->session, MILTER_SESSION_LENIENT);
  milter_frame_stream_init (&speaker->said, MILTER_SIDE_MILTER);
  if (rules->book != NULL)
    {
      speaker->responder = milter_responder_new (rules->book);
      speaker->clock = tool_clock_new (on_time, speaker);
    }
  if (rules->echoes != NULL)
    speaker->echo = milter_echo_new (rules->echoes);
  if (rules->strict)
    g_signal_connect (context, "error", G_CALLBACK (on_error), speaker);
  _milter_client_context_set_tap (context, &speaker_tap, speaker);
}
