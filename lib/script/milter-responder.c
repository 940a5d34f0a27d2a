/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-responder.c: one connection: counts what comes, chooses the rule, hands out what it does.
 */
#include "milter-responder-private.h"

#include <string.h>

#include "milter-writes.h"

struct _MilterResponder
{
  MilterRuleBook *book; /* unowned */
  MilterSession session;
  guint64 n_events[MILTER_N_EVENTS]; /* of this message, or of the connection */
  guint64 *n_fields;                 /* of the rules' fields, in this message */
  guint32 message;                   /* whose those are */
  GByteArray *client;                /* (nullable) the host that the last connect named */

  MilterWrites writes;
  MilterRuleAnswer answer; /* of the present command … */
  gsize at;                /* … of which so many bytes have left, */
  guint act_at;            /* and so many acts are done */
  bool answering;
  gint64 hold_until_us; /* nothing is written before */
  gint64 read_stall_us; /* 0, or how long nothing is read from the next bytes on */
  bool pause_due;       /* … from now on */
  bool paused;
  gint64 read_again_us;
  bool cut;    /* nothing is sent any more */
  bool let_go; /* the connection is closed */
};

static void
answer_clear (MilterRuleAnswer *answer)
{
  g_byte_array_set_size (answer->bytes, 0);
  g_array_set_size (answer->acts, 0);
}

MilterResponder *
milter_responder_new (MilterRuleBook *book)
{
  MilterResponder *responder = g_new0 (MilterResponder, 1);
  const MilterStep *send_as = milter_rule_book_get_send_as (book);

  responder->book = book;
  milter_session_init (&responder->session, MILTER_SESSION_OFF);
  responder->n_fields = g_new0 (guint64, milter_rule_book_get_n_slots (book));
  responder->answer.bytes = g_byte_array_new ();
  responder->answer.acts = g_array_new (FALSE, FALSE, sizeof (MilterAnswerAct));
  if (send_as != NULL)
    milter_writes_set_send_as (&responder->writes, send_as);
  return responder;
}

void
milter_responder_set_book (MilterResponder *responder, MilterRuleBook *book)
{
  responder->book = book;
  g_free (responder->n_fields);
  responder->n_fields = g_new0 (guint64, milter_rule_book_get_n_slots (book));
}

void
milter_responder_free (MilterResponder *responder)
{
  if (responder == NULL)
    return;
  milter_session_clear (&responder->session);
  milter_writes_clear (&responder->writes);
  g_byte_array_unref (responder->answer.bytes);
  g_array_unref (responder->answer.acts);
  g_free (responder->n_fields);
  g_clear_pointer (&responder->client, g_byte_array_unref);
  g_free (responder);
}

/* --- what comes ------------------------------------------------------------------------------- */

/* what is counted by message begins anew */
static void
begin_message (MilterResponder *responder)
{
  guint n_slots = milter_rule_book_get_n_slots (responder->book);

  for (guint8 letter = 'A'; letter <= 'Z'; letter++)
    if (milter_rule_book_get_span (responder->book, letter) == MILTER_RULE_SPAN_MESSAGE)
      responder->n_events[milter_event_index (letter)] = 0;
  if (n_slots > 0)
    memset (responder->n_fields, 0, n_slots * sizeof *responder->n_fields);
  responder->message = responder->session.message;
}

/* the Nth, in the span of its kind; 0 for what nobody can read, which is no event */
static guint64
count_event (MilterResponder *responder, const MilterEvent *event)
{
  guint64 of_run;

  if (event->message != NULL && event->message->fault != MILTER_NO_FAULT)
    return 0;
  of_run = milter_rule_book_count (responder->book, event->letter);
  if (event->message != NULL && event->message->spec->in_message
      && responder->session.message != responder->message)
    begin_message (responder);
  if (milter_rule_book_get_span (responder->book, event->letter) == MILTER_RULE_SPAN_RUN)
    return of_run;
  return ++responder->n_events[milter_event_index (event->letter)];
}

/* (nullable) the first rule that answers; all that count it are told */
static const MilterRule *
find_rule (MilterResponder *responder, const MilterEvent *event)
{
  const GPtrArray *rules = milter_rule_book_get_rules (responder->book, event->letter);
  guint64 n = count_event (responder, event);
  const MilterRule *found = NULL;

  for (guint i = 0; rules != NULL && i < rules->len; i++)
    {
      MilterBookRule *entry = g_ptr_array_index (rules, i);
      const MilterRule *rule = entry->rule;
      guint64 nth = n;

      if (!milter_rule_is_about (rule, event))
        continue;
      if (rule->name != NULL && rule->index > 0 && event->message->fault == MILTER_NO_FAULT)
        nth = ++responder->n_fields[entry->slot];
      if (rule->judges)
        milter_rule_book_judge_event (entry, event, nth);
      else if (found == NULL && milter_rule_matches (rule, event, nth, NULL))
        found = rule;
    }
  return found;
}

/* whether more than what the milter does by itself is needed, though no rule answers */
static bool
is_hostile (const MilterResponder *responder)
{
  const MilterWrites *writes = &responder->writes;

  return writes->send_as == MILTER_SEND_AS_SPLIT || writes->send_as == MILTER_SEND_AS_RANDOM
         || !g_queue_is_empty ((GQueue *) &writes->armed) || responder->read_stall_us > 0
         || responder->cut;
}

static bool
begin_answer (MilterResponder *responder, const MilterRule *rule, guint8 letter)
{
  milter_rule_answer_append (&responder->answer, rule, letter, &responder->session);
  responder->answering
      = rule != NULL || responder->answer.bytes->len > 0 || responder->answer.acts->len > 0;
  if (responder->cut)
    g_byte_array_set_size (responder->answer.bytes, 0);
  return responder->answering;
}

/* the session rules of what was sent, or of what the milter sends by itself */
static void
take_replies (MilterResponder *responder, MilterBytes bytes)
{
  static const MilterLimits limits = { G_MAXUINT32 - 1 };
  MilterMessage message;
  gsize consumed;

  while (milter_message_decode (
             MILTER_SIDE_MILTER, bytes.data, bytes.size, &limits, &message, &consumed, NULL)
         == MILTER_DECODE_COMPLETE)
    {
      milter_session_reply (&responder->session, &message, NULL);
      bytes = milter_bytes (bytes.data + consumed, bytes.size - consumed);
    }
}

/* nobody asks for it: the milter does what it always does */
static void
take_default (MilterResponder *responder, guint8 letter)
{
  milter_rule_answer_append (&responder->answer, NULL, letter, &responder->session);
  take_replies (responder,
                milter_bytes (responder->answer.bytes->data, responder->answer.bytes->len));
  answer_clear (&responder->answer);
}

static void
begin_command (MilterResponder *responder)
{
  answer_clear (&responder->answer);
  responder->at = 0;
  responder->act_at = 0;
  responder->answering = false;
}

static void
keep_client (MilterResponder *responder, const MilterMessage *connect)
{
  g_clear_pointer (&responder->client, g_byte_array_unref);
  if (connect->fault != MILTER_NO_FAULT)
    return;
  responder->client = g_byte_array_new ();
  /* an empty name is a name */
  g_byte_array_append (responder->client, (const guint8 *) "", 1);
  g_byte_array_set_size (responder->client, 0);
  if (connect->fields[0].bytes.size > 0)
    g_byte_array_append (
        responder->client, connect->fields[0].bytes.data, (guint) connect->fields[0].bytes.size);
}

static MilterBytes
get_client (const MilterResponder *responder)
{
  return responder->client != NULL ? milter_bytes (responder->client->data, responder->client->len)
                                   : milter_bytes (NULL, 0);
}

/* (nullable) the first rule about frames, or garbage, that answers */
static const MilterRule *
find_raw_rule (const MilterResponder *responder, const MilterEvent *event)
{
  const GPtrArray *rules = milter_rule_book_get_raw_rules (responder->book);

  for (guint i = 0; i < rules->len; i++)
    if (milter_rule_matches_raw (g_ptr_array_index (rules, i), event))
      return g_ptr_array_index (rules, i);
  return NULL;
}

gboolean
milter_responder_garbage (MilterResponder *responder, MilterBytes bytes)
{
  MilterEvent event = { .garbage = bytes, .client = get_client (responder) };
  const MilterRule *rule = find_raw_rule (responder, &event);

  begin_command (responder);
  return rule != NULL && begin_answer (responder, rule, /* letter= */ 0);
}

gboolean
milter_responder_received (MilterResponder *responder,
                           const MilterMessage *message,
                           const MilterMacros *macros,
                           gint64 now_us)
{
  MilterEvent event = { .letter = message->letter, .message = message, .macros = macros };
  const MilterRule *rule, *raw;

  begin_command (responder);
  if (message->letter == MILTER_COMMAND_CONNECT)
    keep_client (responder, message);
  event.client = get_client (responder);
  milter_session_command (&responder->session, message, NULL);
  raw = find_raw_rule (responder, &event);
  if (message->spec == NULL || message->letter == MILTER_COMMAND_DEFINE_MACRO)
    return raw != NULL && begin_answer (responder, raw, message->letter);
  event.leading_space
      = (responder->session.agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0;
  /* it has come, and counts, also where a rule about frames answers */
  rule = find_rule (responder, &event);
  if (raw != NULL)
    rule = raw;
  if (rule != NULL || is_hostile (responder))
    return begin_answer (responder, rule, message->letter);
  take_default (responder, message->letter);
  return FALSE;
}

gboolean
milter_responder_ended (MilterResponder *responder, const MilterMacros *macros, gint64 now_us)
{
  MilterEvent event
      = { .letter = MILTER_EVENT_CLOSE, .macros = macros, .client = get_client (responder) };
  const MilterRule *rule;

  begin_command (responder);
  if (responder->let_go)
    return FALSE;
  rule = find_rule (responder, &event);
  return rule != NULL && begin_answer (responder, rule, MILTER_EVENT_CLOSE);
}

/* --- what is done ----------------------------------------------------------------------------- */

static MilterPlayerActionKind
end_kind (const MilterStep *step)
{
  return step->kind == MILTER_STEP_KIND_CLOSE   ? MILTER_PLAYER_CLOSE
         : step->kind == MILTER_STEP_KIND_RESET ? MILTER_PLAYER_RESET
                                                : MILTER_PLAYER_HALF_CLOSE;
}

/* nothing is sent behind an end, nor waits for bytes any more; after half-close others may follow
 */
static void
end_sending (MilterResponder *responder, const MilterStep *step, MilterPlayerAction *action)
{
  action->kind = end_kind (step);
  responder->cut = true;
  responder->let_go = step->kind != MILTER_STEP_KIND_HALF_CLOSE;
  g_byte_array_set_size (responder->answer.bytes, responder->at);
  milter_writes_clear (&responder->writes);
}

/* TRUE: something is handed out */
static bool
do_act (MilterResponder *responder,
        const MilterStep *step,
        bool armed,
        gint64 now_us,
        MilterPlayerAction *action)
{
  if (step->kind == MILTER_STEP_KIND_SEND_AS)
    milter_writes_set_send_as (&responder->writes, step);
  else if (step->kind == MILTER_STEP_KIND_STALL && step->reading)
    {
      responder->read_stall_us = step->duration_us;
      responder->pause_due = armed;
    }
  else if (step->kind == MILTER_STEP_KIND_STALL)
    responder->hold_until_us = now_us + step->duration_us;
  else if (step->kind != MILTER_STEP_KIND_HALF_CLOSE || !responder->cut)
    {
      end_sending (responder, step, action);
      return true;
    }
  return false;
}

/* the next line of the rule that is no answer */
static bool
next_act (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action)
{
  const MilterStep *step
      = g_array_index (responder->answer.acts, MilterAnswerAct, responder->act_at++).step;

  if (!step->has_after || step->number == 0)
    return do_act (responder, step, /* armed= */ false, now_us, action);
  if (!responder->cut)
    milter_writes_arm (&responder->writes, step);
  return false;
}

static void
pause_reading (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action)
{
  action->kind = MILTER_PLAYER_PAUSE_READING;
  responder->paused = true;
  responder->pause_due = false;
  responder->read_again_us = now_us + responder->read_stall_us;
  responder->read_stall_us = 0;
}

/* up to the next line that acts, or the end */
static bool
next_write (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action)
{
  const MilterRuleAnswer *answer = &responder->answer;
  gsize end = answer->bytes->len;

  if (responder->act_at < answer->acts->len)
    end = MIN (end, g_array_index (answer->acts, MilterAnswerAct, responder->act_at).at);
  if (responder->at >= end)
    return false;
  if (responder->read_stall_us > 0 && !responder->paused)
    {
      pause_reading (responder, now_us, action);
      return true;
    }
  action->kind = MILTER_PLAYER_SEND;
  action->bytes = milter_bytes (answer->bytes->data + responder->at,
                                milter_writes_next_size (&responder->writes, end - responder->at));
  responder->at += action->bytes.size;
  milter_writes_count (&responder->writes, action->bytes.size);
  return true;
}

static bool
wait_until (MilterResponder *responder, gint64 deadline_us, MilterPlayerAction *action)
{
  action->kind = MILTER_PLAYER_WAIT;
  action->deadline_us
      = responder->paused ? MIN (deadline_us, responder->read_again_us) : deadline_us;
  return true;
}

/* TRUE: something is handed out; FALSE: look again, or, with nothing left, it is done */
static bool
next_step (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action, bool *done)
{
  GList *due;

  if (responder->paused && now_us >= responder->read_again_us)
    {
      responder->paused = false;
      action->kind = MILTER_PLAYER_RESUME_READING;
      return true;
    }
  if (responder->pause_due)
    {
      pause_reading (responder, now_us, action);
      return true;
    }
  if (now_us < responder->hold_until_us)
    return wait_until (responder, responder->hold_until_us, action);
  due = milter_writes_find_due (&responder->writes);
  if (due != NULL)
    return do_act (responder,
                   milter_writes_take (&responder->writes, due),
                   /* armed= */ true,
                   now_us,
                   action);
  if (next_write (responder, now_us, action))
    return true;
  if (responder->act_at < responder->answer.acts->len)
    return next_act (responder, now_us, action);
  if (responder->paused)
    return wait_until (responder, responder->read_again_us, action);
  *done = true;
  return false;
}

static void
finish_answer (MilterResponder *responder)
{
  if (!responder->answering)
    return;
  responder->answering = false;
  take_replies (responder, milter_bytes (responder->answer.bytes->data, responder->at));
}

void
milter_responder_next (MilterResponder *responder, gint64 now_us, MilterPlayerAction *action)
{
  bool done = responder->let_go;

  *action = (MilterPlayerAction){ .kind = MILTER_PLAYER_DONE, .deadline_us = G_MAXINT64 };
  while (!done)
    if (next_step (responder, now_us, action, &done))
      return;
  finish_answer (responder);
}

MilterBytes
milter_responder_get_answer (const MilterResponder *responder)
{
  return milter_bytes (responder->answer.bytes->data, responder->at);
}
