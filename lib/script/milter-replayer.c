/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-replayer.c: recorded frames to a milter, one after the other, each when the answers before
 * it are there.
 *
 * While the milter says what it said then, nothing needs to be known but that: the MTA goes on when
 * all has come that had come then. From the first difference on, or when something takes long, two
 * sessions are walked along: the live one, by what passes, which tells what is due and what does
 * not apply any more; and the recorded one, which tells whether the MTA of then sent such a thing
 * all the same.
 */
#include "milter-replayer-private.h"

#include "milter-cache.h"

#include <string.h>

/* of a replayer, what each command needs */
#define HOT_SIZE   G_STRUCT_OFFSET (MilterReplayer, was_odd)
/* of its queue, what a command with its answer mostly takes */
#define FORESIGHT  (3 * MILTER_CACHE_LINE)

/* what leaves in one write at most, where no answer is waited for between */
#define MAX_OUT 65536u
/* … and what mostly does */
#define OUT_SIZE 2048u

/* what there is of a message behind MAIL */
#define OF_MESSAGE "RTLNBE"
/* where a message ends that is left out, since bytes of it are missing */
#define BEHIND_MESSAGE "OCMHQ"

/* --- what passes now -------------------------------------------------------------------------- */

G_ALWAYS_INLINE static inline void
put_frame (MilterReplayer *replayer, guint8 letter, MilterBytes payload, gint64 now_us)
{
  if (replayer->traced)
    milter_trace_session_ask (&replayer->live, letter, payload);
  if (letter == MILTER_COMMAND_CONNECT)
    replayer->connected = true;
  else if (letter == MILTER_COMMAND_HELO)
    replayer->heloed = true;
  else if (letter == MILTER_COMMAND_QUIT)
    replayer->phase = MILTER_REPLAY_LEAVING;
  else if (letter == MILTER_COMMAND_QUIT_NC)
    replayer->connected = replayer->heloed = false;
  replayer->waits_from_us = now_us;
  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    return;
  replayer->asked = letter;
  replayer->counts.n_commands++;
  /* a milter that did not want MAIL hears of a message by what comes first of the rest */
  if (letter == MILTER_COMMAND_ENVELOPE_FROM
      || (!replayer->in_message && letter != 0 && strchr (OF_MESSAGE, letter) != NULL))
    {
      replayer->counts.n_messages++;
      replayer->in_message = true;
    }
  if (letter == MILTER_COMMAND_END_OF_MESSAGE || letter == MILTER_COMMAND_ABORT
      || letter == MILTER_COMMAND_QUIT_NC)
    replayer->in_message = false;
}

/* there is room for what mostly leaves from the beginning */
static inline void
append_out (MilterReplayer *replayer, MilterBytes bytes)
{
  GByteArray *out = replayer->out;

  if (bytes.size > OUT_SIZE || out->len > OUT_SIZE - bytes.size)
    {
      g_byte_array_append (out, bytes.data, (guint) bytes.size);
      return;
    }
  memcpy (out->data + out->len, bytes.data, bytes.size);
  out->len += (guint) bytes.size;
}

static void
put_recorded (MilterReplayer *replayer, const MilterReplayEvent *event, gint64 now_us)
{
  append_out (replayer, event->bytes);
  if (replayer->told)
    {
      MilterReplayEvent now = *event;

      now.time_ns = now_us * 1000;
      milter_replayer_tell_live (replayer, &now);
    }
  replayer->asked_ns = event->time_ns;
  put_frame (replayer, milter_replay_letter (event), milter_replay_payload (event), now_us);
}

void
milter_replayer_put_own (MilterReplayer *replayer,
                         guint8 letter,
                         MilterBytes payload,
                         gint64 now_us)
{
  milter_frame_append (letter, payload, replayer->out);
  milter_replayer_tell_live_frame (replayer, MILTER_SIDE_MTA, letter, payload, now_us);
  put_frame (replayer, letter, payload, now_us);
}

/* --- one event after the other ---------------------------------------------------------------- */

/* Here a message begins: while all is the same, the one before is not needed any more, but what was
 * said before the first one is. */
static void
begin_message (MilterReplayer *replayer, guint64 at)
{
  guint64 position = replayer->log;
  MilterReplayEvent event;

  if (!replayer->has_message)
    {
      replayer->has_message = true;
      replayer->head_end = at;
      return;
    }
  if (replayer->head_end > position)
    while (position < replayer->head_end
           && milter_replay_queue_next (&replayer->queue, &position, &event))
      milter_replay_queue_push (&replayer->head, &event);
  replayer->log = at;
  replayer->counts.n_same = replayer->counts.n_messages;
}

static bool
is_left_out (MilterReplayer *replayer, const MilterReplayEvent *event, MilterReplayLeftOut *why)
{
  guint8 letter = milter_replay_letter (event);
  MilterBytes payload = milter_replay_payload (event);

  *why = MILTER_REPLAY_LOST;
  if (replayer->lost)
    return true;
  /* while nothing is different, the milter is sent what it was sent then; and what an MTA sent
   * though it did not apply is sent again */
  if (!replayer->differs || !milter_trace_session_leaves_out (&replayer->live, letter, payload)
      || milter_trace_session_leaves_out (&replayer->recorded, letter, payload))
    return false;
  *why = milter_session_is_wanted (&replayer->live.session, milter_replay_stage (event))
             ? MILTER_REPLAY_DECIDED
             : MILTER_REPLAY_UNWANTED;
  return true;
}

static void
play_frame (MilterReplayer *replayer, const MilterReplayEvent *event, gint64 now_us)
{
  MilterReplayLeftOut why;
  guint8 letter = milter_replay_letter (event);

  if (!is_left_out (replayer, event, &why))
    put_recorded (replayer, event, now_us);
  else if (letter != MILTER_COMMAND_DEFINE_MACRO)
    replayer->handlers->left_out (letter, why, replayer->data);
}

static bool
stop_until (MilterReplayAction *action, gint64 deadline_us)
{
  action->kind = MILTER_REPLAY_WAIT;
  action->deadline_us = deadline_us;
  return false;
}

static bool
stop_done (MilterReplayer *replayer, MilterReplayAction *action)
{
  replayer->phase = MILTER_REPLAY_OVER;
  action->kind = MILTER_REPLAY_DONE;
  action->reset = replayer->reset;
  return false;
}

/* the MTA's next words; false: @action tells what is waited for */
static bool
play_mta_frame (MilterReplayer *replayer,
                const MilterReplayEvent *event,
                guint64 behind,
                gint64 now_us,
                MilterReplayAction *action)
{
  guint8 stage = milter_replay_stage (event);

  if (event->due_us > now_us)
    return stop_until (action, event->due_us);
  if (replayer->lost && strchr (BEHIND_MESSAGE, stage) != NULL && stage != 0)
    {
      if (milter_replayer_fill_in (replayer, stage, now_us))
        return true;
      /* a milter that was told nothing is just left */
      replayer->lost = stage == MILTER_COMMAND_QUIT && !replayer->live.negotiated;
    }
  /* its macros come first */
  if (stage == MILTER_COMMAND_ENVELOPE_FROM && !replayer->told && !replayer->begins_message)
    begin_message (replayer, replayer->play);
  replayer->begins_message = stage == MILTER_COMMAND_ENVELOPE_FROM
                             && milter_replay_letter (event) == MILTER_COMMAND_DEFINE_MACRO;
  replayer->play = behind;
  play_frame (replayer, event, now_us);
  if (replayer->told)
    milter_replayer_trace_recorded (replayer, event);
  return true;
}

/* The milter had gone by itself then. */
static bool
play_milter_end (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  if (replayer->differs || replayer->phase == MILTER_REPLAY_LEAVING)
    return true;
  if (now_us < replayer->waits_from_us + replayer->grace_us)
    return stop_until (action, replayer->waits_from_us + replayer->grace_us);
  milter_replayer_diverge (replayer);
  return true;
}

/* The milter said something before this that it has not said yet, asked or not. If that takes long
 * it is looked up whether an answer is due; if none is, it does otherwise now. */
static bool
wait_as_then (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  if (now_us < replayer->waits_from_us + replayer->grace_us)
    return stop_until (action, replayer->waits_from_us + replayer->grace_us);
  if (replayer->traced)
    milter_replayer_diverge (replayer);
  else
    milter_replayer_trace_live (replayer);
  return true;
}

static bool
play_mta_event (MilterReplayer *replayer,
                const MilterReplayEvent *event,
                guint64 behind,
                gint64 now_us,
                MilterReplayAction *action)
{
  if (event->kind != MILTER_REPLAY_FRAME && event->due_us > now_us)
    return stop_until (action, event->due_us);
  if (milter_replayer_owes_something (replayer))
    return wait_as_then (replayer, now_us, action);
  /* an MTA that goes may go without an answer */
  if (event->kind == MILTER_REPLAY_END && replayer->phase == MILTER_REPLAY_PLAYING
      && !replayer->traced)
    {
      milter_replayer_trace_live (replayer);
      return true;
    }
  if (event->kind == MILTER_REPLAY_FRAME)
    return play_mta_frame (replayer, event, behind, now_us, action);
  if (event->kind == MILTER_REPLAY_HOLE)
    {
      milter_replayer_diverge (replayer);
      replayer->play = behind;
      milter_replayer_trace_recorded (replayer, event);
      milter_replayer_lose (replayer, now_us);
      return true;
    }
  replayer->play = behind;
  if (event->kind == MILTER_REPLAY_END)
    {
      replayer->reset = event->reset;
      if (replayer->told)
        milter_replayer_tell_live (replayer, event);
      return stop_done (replayer, action);
    }
  append_out (replayer, event->bytes);
  if (replayer->told)
    milter_replayer_tell_live (replayer, event);
  replayer->waits_from_us = now_us;
  return true;
}

static bool
play_milter_event (MilterReplayer *replayer,
                   const MilterReplayEvent *event,
                   guint64 behind,
                   gint64 now_us,
                   MilterReplayAction *action)
{
  if (event->kind == MILTER_REPLAY_END && !play_milter_end (replayer, now_us, action))
    return false;
  /* what is missing, or was no frame, cannot be held against what comes now, byte by byte */
  if (event->kind == MILTER_REPLAY_HOLE || event->kind == MILTER_REPLAY_RAW)
    milter_replayer_diverge (replayer);
  replayer->play = behind;
  if (replayer->told)
    milter_replayer_trace_recorded (replayer, event);
  return true;
}

/* the MTA goes now, which was not recorded */
static void
tell_departure (MilterReplayer *replayer, gint64 now_us)
{
  const MilterReplayEvent end
      = { .kind = MILTER_REPLAY_END, .from = MILTER_SIDE_MTA, .time_ns = now_us * 1000 };

  milter_replayer_tell_live (replayer, &end);
}

/* … as it does when it waits in vain */
void
milter_replayer_give_up (MilterReplayer *replayer, gint64 now_us)
{
  milter_replayer_diverge (replayer);
  tell_departure (replayer, now_us);
}

static void
tell_silence (MilterReplayer *replayer, gint64 now_us)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, replayer->asked);
  g_autofree char *sentence = g_strdup_printf ("no answer to %s within %g s",
                                               spec != NULL ? spec->word : "a command",
                                               (double) replayer->timeout_us / G_USEC_PER_SEC);

  milter_replayer_give_up (replayer, now_us);
  replayer->handlers->broke (sentence, replayer->data);
}

/* An MTA that went without the answer goes again when as much time has passed as then. G_MAXINT64:
 * it did not, or that is not known yet. */
static gint64
find_departure (const MilterReplayer *replayer)
{
  guint64 position = replayer->play;
  MilterReplayEvent next;
  gint64 then_us;

  if (!milter_replay_queue_next (&replayer->queue, &position, &next)
      || next.kind != MILTER_REPLAY_END || next.from != MILTER_SIDE_MTA)
    return G_MAXINT64;
  then_us = MAX ((next.time_ns - replayer->asked_ns) / 1000, replayer->grace_us);
  return replayer->waits_from_us + then_us;
}

/* an answer is due */
static bool
wait_for_answer (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  gint64 timeout_us
      = replayer->timeout_us > 0 ? replayer->waits_from_us + replayer->timeout_us : G_MAXINT64;
  gint64 departure_us = find_departure (replayer);

  if (now_us < MIN (timeout_us, departure_us))
    return stop_until (action, MIN (timeout_us, departure_us));
  milter_trace_session_give_up (&replayer->live);
  if (departure_us <= now_us)
    return true;
  tell_silence (replayer, now_us);
  return stop_done (replayer, action);
}

/* The recording ends here; it does not say how the connection did. Nor what would have become of a
 * message that had begun: that both were the same so far is no answer. */
static bool
leave (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  if (replayer->in_message)
    milter_replayer_diverge (replayer);
  if (replayer->told)
    tell_departure (replayer, now_us);
  return stop_done (replayer, action);
}

/* nothing is left to be played */
static bool
go_on_without (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  if (!replayer->finished)
    {
      action->kind = MILTER_REPLAY_MORE;
      return false;
    }
  /* the answer to the last command may not have been recorded */
  if (!replayer->traced && replayer->phase == MILTER_REPLAY_PLAYING)
    {
      milter_replayer_trace_live (replayer);
      return true;
    }
  return leave (replayer, now_us, action);
}

/* The usual: nothing is different, and nothing needs to be followed. The milter's words are passed by,
 * which it has said or owes from here on, and the MTA says its own up to where the milter owes
 * something. False: it is to be gone on in the long way. */
static bool
play_plain (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  bool owes = false;
  const MilterReplayItem *item;
  MilterReplayEvent event;
  guint64 behind;

  while (replayer->out->len < MAX_OUT
         && (item = milter_replay_queue_peek (&replayer->queue, replayer->play, &behind)) != NULL
         && item->kind == MILTER_REPLAY_FRAME)
    {
      if (item->from == MILTER_SIDE_MILTER)
        {
          owes = owes || replayer->match == replayer->play;
          replayer->play = behind;
          continue;
        }
      if (owes && now_us < replayer->waits_from_us + replayer->grace_us)
        {
          stop_until (action, replayer->waits_from_us + replayer->grace_us);
          return true;
        }
      event = milter_replay_item_to_event (item);
      if (replayer->match < replayer->play || event.due_us > now_us
          || milter_replay_stage (&event) == MILTER_COMMAND_ENVELOPE_FROM)
        return false;
      /* what the milter says next is not before it */
      if (replayer->match == replayer->play)
        replayer->match = behind;
      replayer->play = behind;
      replayer->begins_message = false;
      put_recorded (replayer, &event, now_us);
    }
  return false;
}

/* false: @action tells why not */
static bool
step (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  MilterReplayEvent event;
  guint64 behind = replayer->play;

  if (replayer->phase == MILTER_REPLAY_OVER)
    return stop_done (replayer, action);
  if (replayer->traced && replayer->live.due)
    {
      /* what was put together leaves before anything is waited for */
      if (replayer->out->len > 0)
        return false;
      return wait_for_answer (replayer, now_us, action);
    }
  if (!milter_replay_queue_next (&replayer->queue, &behind, &event))
    return go_on_without (replayer, now_us, action);
  return event.from == MILTER_SIDE_MTA
             ? play_mta_event (replayer, &event, behind, now_us, action)
             : play_milter_event (replayer, &event, behind, now_us, action);
}

/* where that begins which may still be asked for */
static guint64
first_needed (const MilterReplayer *replayer)
{
  if (replayer->differs)
    return replayer->play;
  return MIN (replayer->play, replayer->told ? replayer->match : replayer->log);
}

void
milter_replayer_next (MilterReplayer *replayer, gint64 now_us, MilterReplayAction *action)
{
  replayer->out->len = 0;
  *action = (MilterReplayAction){ .kind = MILTER_REPLAY_SEND };
  if (replayer->phase != MILTER_REPLAY_PLAYING || replayer->traced || replayer->lost
      || !play_plain (replayer, now_us, action))
    while (replayer->out->len < MAX_OUT && step (replayer, now_us, action))
      ;
  milter_replay_queue_drop (&replayer->queue, first_needed (replayer));
  action->then = action->kind;
  if (replayer->out->len == 0)
    return;
  action->kind = MILTER_REPLAY_SEND;
  action->bytes = milter_bytes (replayer->out->data, replayer->out->len);
}

/* --- what the milter says --------------------------------------------------------------------- */

/* a deviation from the protocol that is new */
static void
judge (MilterReplayer *replayer, const MilterMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (replayer->was_odd)
    return;
  if (message->fault != MILTER_NO_FAULT)
    error = milter_message_get_fault (message);
  else
    milter_session_may_reply (&replayer->live.session, message->letter, &error);
  if (error != NULL)
    replayer->handlers->broke (error->message, replayer->data);
}

void
milter_replayer_received (MilterReplayer *replayer, const MilterMessage *message, gint64 now_us)
{
  bool final = milter_trace_is_final (message);

  replayer->waits_from_us = now_us;
  replayer->counts.n_answers += final;
  if (!milter_replayer_take_match (replayer, message))
    {
      milter_replayer_diverge (replayer);
      judge (replayer, message);
    }
  if (replayer->told)
    milter_replayer_tell_live_frame (
        replayer, MILTER_SIDE_MILTER, message->letter, message->payload, now_us);
  if (final && replayer->traced && replayer->live.due)
    milter_trace_session_answer (&replayer->live, message);
}

void
milter_replayer_ended (MilterReplayer *replayer, bool reset, const char *garbage, gint64 now_us)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, replayer->asked);
  const MilterReplayEvent event = {
    .kind = MILTER_REPLAY_END, .from = MILTER_SIDE_MILTER, .reset = reset, .time_ns = now_us * 1000
  };
  bool as_then = garbage == NULL && milter_replayer_takes_end (replayer);
  bool over;
  g_autofree char *sentence = NULL;

  if (!as_then && replayer->phase == MILTER_REPLAY_PLAYING)
    milter_replayer_trace_live (replayer);
  over = replayer->phase != MILTER_REPLAY_PLAYING || replayer->live.client_over;
  if (garbage != NULL)
    sentence = g_strdup_printf ("what came is no milter frame: %s", garbage);
  else if (!as_then && !over)
    sentence = g_strdup_printf ("the milter %s the connection after %s",
                                reset ? "reset" : "closed",
                                spec != NULL ? spec->word : "nothing was said");
  if (!as_then && replayer->phase == MILTER_REPLAY_PLAYING)
    milter_replayer_diverge (replayer);
  if (replayer->told)
    milter_replayer_tell_live (replayer, &event);
  if (sentence != NULL)
    replayer->handlers->broke (sentence, replayer->data);
  replayer->phase = MILTER_REPLAY_OVER;
}

/* --- from outside ----------------------------------------------------------------------------- */

GByteArray *
milter_replayer_make_out (void)
{
  return g_byte_array_sized_new (OUT_SIZE);
}

MilterReplayer *
milter_replayer_new (gint64 timeout_us,
                     gint64 grace_us,
                     GByteArray *out,
                     const MilterReplayerHandlers *handlers,
                     gpointer data)
{
  MilterReplayer *replayer = g_aligned_alloc0 (1, sizeof *replayer, MILTER_CACHE_LINE);

  replayer->timeout_us = timeout_us;
  replayer->grace_us = grace_us;
  replayer->handlers = handlers;
  replayer->data = data;
  replayer->out = g_byte_array_ref (out);
  return replayer;
}

void
milter_replayer_reset (MilterReplayer *replayer, gpointer data)
{
  MilterReplayQueue queue = replayer->queue;

  milter_replay_queue_clear (&replayer->head);
  milter_trace_session_clear (&replayer->live);
  milter_trace_session_clear (&replayer->recorded);
  *replayer = (MilterReplayer){
    .timeout_us = replayer->timeout_us,
    .grace_us = replayer->grace_us,
    .handlers = replayer->handlers,
    .data = data,
    .queue = { .data = queue.data, .capacity = queue.capacity },
    .out = replayer->out,
  };
  milter_replay_queue_trim (&replayer->queue);
}

void
milter_replayer_free (MilterReplayer *replayer)
{
  if (replayer == NULL)
    return;
  milter_replay_queue_clear (&replayer->queue);
  milter_replay_queue_clear (&replayer->head);
  milter_trace_session_clear (&replayer->live);
  milter_trace_session_clear (&replayer->recorded);
  g_byte_array_unref (replayer->out);
  g_aligned_free (replayer);
}

void
milter_replayer_tell_all (MilterReplayer *replayer)
{
  g_assert (!replayer->told && milter_replay_queue_end (&replayer->queue) == replayer->play);
  milter_trace_session_init (&replayer->live);
  milter_trace_session_init (&replayer->recorded);
  replayer->traced = replayer->told = true;
  replayer->handlers->diverged (replayer->data);
}

void
milter_replayer_add (MilterReplayer *replayer, const MilterReplayEvent *event)
{
  milter_replay_queue_push (&replayer->queue, event);
  if (replayer->told)
    milter_replayer_tell_recorded (replayer, event);
}

void
milter_replayer_fetch (const MilterReplayer *replayer, guint step)
{
  const MilterReplayQueue *queue = &replayer->queue;

  if (step == 0)
    milter_cache_fetch (replayer, HOT_SIZE);
  else if (queue->capacity - queue->size >= FORESIGHT)
    milter_cache_fetch (queue->data + queue->size, FORESIGHT);
}

void
milter_replayer_finish (MilterReplayer *replayer)
{
  replayer->finished = true;
}

gsize
milter_replayer_get_held (const MilterReplayer *replayer)
{
  return replayer->queue.size + replayer->head.size;
}

const MilterReplayCounts *
milter_replayer_get_counts (const MilterReplayer *replayer)
{
  return &replayer->counts;
}
