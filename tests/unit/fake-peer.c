/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-peer.c: milters in memory.
 */
#include "fake-peer.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "milter-session.h"
#include "milter-text.h"

#define MS 1000

typedef enum
{
  EVENT_OPENED,
  EVENT_BYTES,
  EVENT_CLOSED,
  EVENT_RESET
} EventKind;

typedef struct
{
  gint64 at_us;
  guint peer;
  EventKind kind;
  GByteArray *bytes;
} Event;

typedef struct
{
  const char *const *rules;
  guint counts[256];
  MilterSession session;
  GByteArray *in;  /* what the player sent and is no whole frame yet */
  GByteArray *out; /* what the player has not been told yet */
  GString *sender;  /* of the message */
  GString *subject; /* what `~TEXT` is looked for in */
  gint64 busy_us;   /* what comes after a delay is done after it */
  bool dropping;    /* what belongs to a message that is decided */
  bool closed;
  bool paused;
} Peer;

typedef struct
{
  FakeRun *run;
  Peer peers[2];
  guint n_peers;
  GPtrArray *events;
  gint64 at_barrier_us; /* when the one that is waited at is passed */
  bool unreachable;
  bool loud; /* CLOSE is said */
} Stage;

static void
event_free (gpointer data)
{
  Event *event = data;

  g_clear_pointer (&event->bytes, g_byte_array_unref);
  g_free (event);
}

static Event *
plan (Stage *stage, guint peer, EventKind kind, gint64 at_us)
{
  Event *event = g_new0 (Event, 1);

  event->peer = peer;
  event->kind = kind;
  event->at_us = at_us;
  g_ptr_array_add (stage->events, event);
  return event;
}

/* bars stand for NULs */
static GByteArray *
unbar (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();

  for (; *text != '\0'; text++)
    g_byte_array_append (bytes, (const guint8 *) (*text == '|' ? "" : text), 1);
  return bytes;
}

static GByteArray *
build_options (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  GByteArray *frame = g_byte_array_new ();

  for (guint i = 0; words[i] != NULL; i++)
    {
      guint32 number = GUINT32_TO_BE (strtoul (words[i], NULL, 0));
      const char *names = strchr (words[i], '=');

      g_byte_array_append (payload, (const guint8 *) &number, 4);
      if (names != NULL)
        {
          g_autofree char *list = g_strdelimit (g_strdup (names + 1), ",", ' ');

          g_byte_array_append (payload, (const guint8 *) list, strlen (list) + 1);
        }
    }
  milter_frame_append ('O', milter_bytes (payload->data, payload->len), frame);
  return frame;
}

static GByteArray *
build_frame (const char *item)
{
  g_autoptr (GByteArray) payload = NULL;
  GByteArray *frame;

  if (g_str_has_prefix (item, "neg "))
    return build_options (item + 4);
  if (g_str_has_prefix (item, "raw:"))
    return unbar (item + 4);
  payload = unbar (item + 1);
  frame = g_byte_array_new ();
  milter_frame_append (item[0], milter_bytes (payload->data, payload->len), frame);
  return frame;
}

static const char *
find_rule (const Peer *peer, guint8 letter)
{
  for (gsize i = 0; peer->rules != NULL && peer->rules[i] != NULL; i++)
    {
      const char *rule = peer->rules[i];
      const char *colon = strchr (rule, ':');

      cr_assert_not_null (colon, "rule %s", rule);
      if (rule[0] != (char) letter)
        continue;
      if (rule[1] == '~')
        {
          g_autofree char *text = g_strndup (rule + 2, (gsize) (colon - rule - 2));

          if (strstr (peer->subject->str, text) == NULL)
            continue;
        }
      else if (colon != rule + 1 && strtoul (rule + 1, NULL, 10) != peer->counts[letter])
        continue;
      return colon + 1;
    }
  return NULL;
}

static void
do_item (Stage *stage, guint peer, const char *item, gint64 *at_us)
{
  char *end;

  if (*item == '@')
    {
      *at_us += strtol (item + 1, NULL, 10) * MS;
      return;
    }
  *at_us += find_rule (&stage->peers[peer], '&') != NULL ? 0 : MS;
  if (strcmp (item, "close") == 0)
    plan (stage, peer, EVENT_CLOSED, *at_us);
  else if (strcmp (item, "reset") == 0)
    plan (stage, peer, EVENT_RESET, *at_us);
  else if (g_str_has_prefix (item, "frames "))
    for (long n = strtol (item + 7, &end, 10); n > 0; n--)
      plan (stage, peer, EVENT_BYTES, *at_us)->bytes = build_frame (end + 1);
  else if (*item != '\0')
    plan (stage, peer, EVENT_BYTES, *at_us)->bytes = build_frame (item);
}

static void
do_items (Stage *stage, guint peer, const char *items, gint64 at_us)
{
  g_auto (GStrv) list = g_strsplit (items, ";", -1);

  at_us = MAX (at_us, stage->peers[peer].busy_us);
  for (guint i = 0; list[i] != NULL; i++)
    do_item (stage, peer, list[i], &at_us);
  if (strchr (items, '@') != NULL)
    stage->peers[peer].busy_us = at_us - MS;
}

/* as libmilter: what belongs to a message that is decided is dropped until there is another one */
static bool
drops (Peer *peer, guint8 letter)
{
  if (strchr ("HMAKQ", letter) != NULL)
    peer->dropping = false;
  return peer->dropping && strchr ("RTLNBE", letter) != NULL;
}

static void
note_decision (Peer *peer, guint8 letter, const char *rule)
{
  g_auto (GStrv) items = g_strsplit (rule, ";", -1);
  guint n = g_strv_length (items);
  char reply = n > 0 ? items[n - 1][0] : '\0';

  if (find_rule (peer, '%') == NULL || reply == '\0')
    return;
  if ((strchr ("MTLNBE", letter) != NULL && strchr ("artdy", reply) != NULL)
      || (letter == 'R' && reply == 'a'))
    peer->dropping = true;
}

static void
answer (Stage *stage, guint index, const MilterMessage *message, gint64 now_us)
{
  Peer *peer = &stage->peers[index];
  const char *rule;

  if (drops (peer, message->letter))
    return;
  if (strchr ("TNBEU", message->letter) == NULL && message->letter != 'D')
    {
      g_string_truncate (peer->subject, 0);
      g_string_append_len (
          peer->subject, (const char *) message->payload.data, (gssize) message->payload.size);
    }
  if (message->letter == 'M')
    g_string_assign (peer->sender, peer->subject->str);
  else if (strchr ("TNBEU", message->letter) != NULL)
    g_string_assign (peer->subject, peer->sender->str);
  peer->counts[message->letter]++;
  milter_session_command (&peer->session, message, NULL);
  rule = find_rule (peer, message->letter);
  if (rule == NULL && message->letter == 'O')
    rule = "neg 6 0 0";
  else if (rule == NULL && message->letter == 'Q')
    rule = "close";
  else if (rule == NULL && milter_session_is_answered (&peer->session, message->letter))
    rule = "c";
  if (rule == NULL)
    return;
  note_decision (peer, message->letter, rule);
  do_items (stage, index, rule, now_us);
}

static void
take (Stage *stage, guint index, MilterBytes bytes, gint64 now_us)
{
  Peer *peer = &stage->peers[index];
  const MilterLimits limits = { 1 << 24 };
  MilterMessage message;
  gsize consumed;

  g_byte_array_append (peer->in, bytes.data, bytes.size);
  if (index == 0)
    g_byte_array_append (stage->run->sent, bytes.data, bytes.size);
  while (milter_message_decode (
             MILTER_SIDE_MTA, peer->in->data, peer->in->len, &limits, &message, &consumed, NULL)
         == MILTER_DECODE_COMPLETE)
    {
      if (!peer->closed)
        answer (stage, index, &message, now_us);
      g_byte_array_remove_range (peer->in, 0, consumed);
    }
}

static void
deliver_bytes (Stage *stage, Event *event)
{
  Peer *peer = &stage->peers[event->peer];
  const MilterLimits limits = { MILTER_LIMIT_FROM_MILTER };
  gsize consumed;

  g_byte_array_append (peer->out, event->bytes->data, event->bytes->len);
  for (;;)
    {
      MilterMessage message;
      g_autoptr (GError) error = NULL;
      MilterDecodeStatus status = milter_message_decode (MILTER_SIDE_MILTER,
                                                         peer->out->data,
                                                         peer->out->len,
                                                         &limits,
                                                         &message,
                                                         &consumed,
                                                         &error);

      if (status == MILTER_DECODE_NEED_MORE)
        return;
      if (status == MILTER_DECODE_ERROR)
        {
          milter_player_received_garbage (stage->run->player,
                                          event->peer,
                                          error,
                                          milter_bytes (peer->out->data, peer->out->len),
                                          event->at_us);
          peer->closed = true;
          return;
        }
      milter_session_reply (&peer->session, &message, NULL);
      milter_player_received (stage->run->player, event->peer, &message, event->at_us);
      g_byte_array_remove_range (peer->out, 0, consumed);
    }
}

static void
deliver (Stage *stage, Event *event)
{
  Peer *peer = &stage->peers[event->peer];

  if (peer->closed)
    return;
  switch (event->kind)
    {
    case EVENT_OPENED:
      milter_player_opened (stage->run->player, event->peer, event->at_us, NULL);
      if (find_rule (peer, '+') != NULL)
        do_items (stage, event->peer, find_rule (peer, '+'), event->at_us);
      break;
    case EVENT_BYTES:
      deliver_bytes (stage, event);
      break;
    case EVENT_CLOSED:
    case EVENT_RESET:
      peer->closed = true;
      milter_player_ended (stage->run->player,
                           event->peer,
                           event->kind == EVENT_RESET,
                           milter_bytes (peer->out->data, peer->out->len),
                           event->at_us);
      break;
    }
}

/* what the player does to a connection is said, and the milter may do something about it */
static void
end_connection (Stage *stage, guint peer, const char *word, char rule, gint64 now_us)
{
  const char *items = find_rule (&stage->peers[peer], (guint8) rule);

  g_string_append_printf (stage->run->said, "= %s\n", word);
  if (rule != '/')
    stage->peers[peer].closed = true;
  else if (!stage->peers[peer].closed)
    do_items (stage, peer, items != NULL ? items : "close", now_us);
}

/* the next thing that happens before the deadline, and what happens at the same time; else the
 * deadline passes */
static void
wait_until (Stage *stage, gint64 deadline_us, gint64 *now_us)
{
  gint64 first = G_MAXINT64;
  GPtrArray *events;

  for (guint i = 0; i < stage->events->len; i++)
    {
      const Event *event = g_ptr_array_index (stage->events, i);

      if (!stage->peers[event->peer].paused)
        first = MIN (first, event->at_us);
    }
  if (first > deadline_us)
    {
      cr_assert_neq (deadline_us, G_MAXINT64, "it would wait for ever");
      *now_us = deadline_us;
      return;
    }
  *now_us = MAX (*now_us, first);
  events = stage->events;
  stage->events = g_ptr_array_new_with_free_func (event_free);
  for (guint i = 0; i < events->len; i++)
    {
      Event *event = g_ptr_array_index (events, i);

      if (event->at_us > first || stage->peers[event->peer].paused)
        {
          g_ptr_array_add (stage->events, event);
          continue;
        }
      deliver (stage, event);
      event_free (event);
    }
  g_ptr_array_set_free_func (events, NULL);
  g_ptr_array_unref (events);
}

static void
trace (guint peer,
       MilterSide from,
       const MilterMessage *message,
       MilterTextFlags flags,
       gint64 now_us,
       gpointer data)
{
  Stage *stage = data;

  g_string_append_c (stage->run->said, from == MILTER_SIDE_MTA ? '>' : '<');
  if (peer > 0)
    g_string_append_printf (stage->run->said, "%u", peer + 1);
  g_string_append_c (stage->run->said, ' ');
  /* as it is on the wire: what travels is what these tests are about */
  milter_message_append_text (message, MILTER_TEXT_SHORT, stage->run->said);
  g_string_append_c (stage->run->said, '\n');
}

static void
describe (FakeRun *run)
{
  const GPtrArray *failures = milter_player_get_failures (run->player);

  run->outcome = milter_player_get_outcome (run->player);
  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      g_string_append_printf (run->report,
                              "%u: %s / %s / %s\n",
                              failure->where.line,
                              failure->what,
                              failure->expected != NULL ? failure->expected : "-",
                              failure->got);
      if (i == 0)
        g_string_assign (run->last, failure->last);
    }
}

static void
act (Stage *stage, const MilterPlayerAction *action, gint64 *now_us)
{
  FakeRun *run = stage->run;
  Peer *peer = &stage->peers[action->peer];

  switch (action->kind)
    {
    case MILTER_PLAYER_SEND:
      run->n_writes++;
      run->n_bytes += action->bytes.size;
      run->largest = MAX (run->largest, action->bytes.size);
      take (stage, action->peer, action->bytes, *now_us);
      break;
    case MILTER_PLAYER_CLOSE:
      run->n_closed++;
      if (stage->loud)
        end_connection (stage, action->peer, "close", 'X', *now_us);
      peer->closed = true;
      break;
    case MILTER_PLAYER_RESET:
      end_connection (stage, action->peer, "reset", 'X', *now_us);
      break;
    case MILTER_PLAYER_HALF_CLOSE:
      end_connection (stage, action->peer, "half-close", '/', *now_us);
      break;
    case MILTER_PLAYER_PAUSE_READING:
    case MILTER_PLAYER_RESUME_READING:
      peer->paused = action->kind == MILTER_PLAYER_PAUSE_READING;
      g_string_append_printf (
          run->said, "= %s at %d ms\n", peer->paused ? "pause" : "resume", (int) (*now_us / MS));
      break;
    case MILTER_PLAYER_BARRIER:
      g_string_append_printf (run->said, "= barrier %s\n", action->barrier);
      stage->at_barrier_us = *now_us + 50 * MS;
      break;
    default:
      cr_assert_eq (action->kind, MILTER_PLAYER_WAIT);
      wait_until (stage, MIN (action->deadline_us, stage->at_barrier_us), now_us);
      if (*now_us < stage->at_barrier_us)
        break;
      stage->at_barrier_us = G_MAXINT64;
      milter_player_pass_barrier (run->player, *now_us);
      break;
    }
}

static void
play (Stage *stage)
{
  FakeRun *run = stage->run;
  gint64 now_us = 0;

  for (guint turns = 0;; turns++)
    {
      MilterPlayerAction action;

      cr_assert_lt (turns, 1000000, "it does not end");
      milter_player_next (run->player, now_us, &action);
      if (action.kind == MILTER_PLAYER_DONE)
        break;
      if (action.kind == MILTER_PLAYER_OPEN && stage->unreachable)
        {
          g_autoptr (GError) error
              = g_error_new_literal (G_FILE_ERROR, 0, "nobody listens at unix:/x");

          milter_player_opened (run->player, action.peer, now_us, error);
        }
      else if (action.kind == MILTER_PLAYER_OPEN)
        plan (stage, action.peer, EVENT_OPENED, now_us);
      else
        act (stage, &action, &now_us);
    }
  run->now_us = now_us;
  describe (run);
}

static FakeRun *
run_all (Stage *stage, const char *text)
{
  static const char *const names[] = { "first", "second" };
  FakeRun *run = g_new0 (FakeRun, 1);
  g_autoptr (GString) messages = g_string_new (NULL);
  const MilterScenarioSession *session;
  MilterPlayerConfig config = { 0 };

  stage->run = run;
  stage->at_barrier_us = G_MAXINT64;
  stage->loud = strstr (text, "\n close") != NULL;
  stage->events = g_ptr_array_new_with_free_func (event_free);
  run->report = g_string_new (NULL);
  run->said = g_string_new (NULL);
  run->last = g_string_new (NULL);
  run->sent = g_byte_array_new ();
  run->scenario = milter_scenario_parse (
      "t.scenario", text, strlen (text), NULL, MILTER_SCENARIO_SESSIONS, messages);
  cr_assert_not_null (run->scenario, "%s", messages->str);
  session = g_ptr_array_index (run->scenario->sessions, 0);
  config.profile = milter_profile_get (session->profile != NULL ? session->profile : "plain");
  config.n_peers = stage->n_peers;
  config.peer_names = stage->n_peers > 1 ? names : NULL;
  config.timeout_us = session->timeout_us > 0 ? session->timeout_us : 30 * 1000 * MS;
  config.macros = session->macros;
  config.send_as = run->scenario->send_as;
  config.requirements = run->scenario->requirements;
  config.more_requirements = session->requirements;
  config.max_edits = 4 << 20;
  config.quit_answered = find_rule (&stage->peers[0], '?') != NULL;
  run->player
      = milter_player_new (session->name, milter_step_source_new_for_session (session, 1, 1), &config);
  milter_player_set_trace (run->player, trace, stage);
  for (guint i = 0; i < stage->n_peers; i++)
    {
      milter_session_init (&stage->peers[i].session, MILTER_SESSION_OFF);
      stage->peers[i].subject = g_string_new (NULL);
      stage->peers[i].sender = g_string_new (NULL);
      stage->peers[i].in = g_byte_array_new ();
      stage->peers[i].out = g_byte_array_new ();
    }
  play (stage);
  for (guint i = 0; i < stage->n_peers; i++)
    {
      milter_session_clear (&stage->peers[i].session);
      g_string_free (stage->peers[i].subject, TRUE);
      g_string_free (stage->peers[i].sender, TRUE);
      g_byte_array_unref (stage->peers[i].in);
      g_byte_array_unref (stage->peers[i].out);
    }
  g_ptr_array_unref (stage->events);
  return run;
}

FakeRun *
fake_run (const char *scenario, const char *const *rules)
{
  Stage stage = { .n_peers = 1 };

  stage.peers[0].rules = rules;
  return run_all (&stage, scenario);
}

FakeRun *
fake_run_chain (const char *scenario, const char *const *first, const char *const *second)
{
  Stage stage = { .n_peers = 2 };

  stage.peers[0].rules = first;
  stage.peers[1].rules = second;
  return run_all (&stage, scenario);
}

FakeRun *
fake_run_unreachable (const char *scenario)
{
  Stage stage = { .n_peers = 1, .unreachable = true };

  return run_all (&stage, scenario);
}

void
fake_run_free (FakeRun *run)
{
  if (run == NULL)
    return;
  milter_player_free (run->player);
  milter_scenario_free (run->scenario);
  g_string_free (run->report, TRUE);
  g_string_free (run->said, TRUE);
  g_string_free (run->last, TRUE);
  g_byte_array_unref (run->sent);
  g_free (run);
}

void
fake_check (const FakeCase *cases, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (FakeRun) run = fake_run (cases[i].scenario, cases[i].rules);

      cr_expect_str_eq (run->report->str,
                        cases[i].report,
                        "%s:\n%s%s",
                        cases[i].name,
                        run->report->str,
                        run->said->str);
      cr_expect_eq (run->outcome, cases[i].outcome, "%s: %d", cases[i].name, run->outcome);
    }
}
