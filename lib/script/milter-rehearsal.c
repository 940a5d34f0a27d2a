/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-rehearsal.c: the player on one side, a recording on the other, and a clock that is a number.
 */
#include "milter-rehearsal.h"

#include <string.h>

#include "milter-payload.h"
#include "milter-player.h"

/* no player needs so many turns without anything that happens */
#define MAX_IDLE_TURNS 1000u
/* nothing is waited for in earnest */
#define TIMEOUT_US G_USEC_PER_SEC

typedef enum
{
  END_NONE,
  END_CLOSED,
  END_RESET
} End;

typedef struct
{
  const MilterExchanges *exchanges; /* unowned */
  MilterRehearsal *result;          /* unowned */
  guint next;         /* the exchange that is to be sent */
  GHashTable *macros; /* of GByteArray, by the letter of a stage: packed, for its next command */
  bool is_open;       /* the recording has no end: what an MTA does at the end was not recorded */
  GQueue due;         /* of GBytes, unowned: frames that the milter still says */
  End end;            /* … and then it does this */
  bool ended;
} Stage;

/* (transfer full) a line, or where two differ the part of it that does, cut for people */
static char *
shorten (const char *text, const char *other)
{
  const char *at = text;
  g_autofree char *part = NULL;

  while (*at != '\0' && *at == *other)
    at++, other++;
  /* a few characters before it, not in the middle of one */
  at = MAX (at - 20, text);
  while (at > text && ((guint8) *at & 0xc0) == 0x80)
    at--;
  part = g_utf8_substring (at, 0, MIN (g_utf8_strlen (at, -1), 60));
  return g_strdup_printf ("%s%s%s", at > text ? "..." : "", part, at[strlen (part)] != '\0' ? "..." : "");
}

static void
disagree (Stage *stage, char *why)
{
  if (stage->result->why == NULL)
    stage->result->why = why;
  else
    g_free (why);
}

static void
disagree_about (Stage *stage, const char *said, const char *recorded)
{
  g_autofree char *one = shorten (said, recorded), *other = shorten (recorded, said);

  disagree (stage, g_strdup_printf ("%s, and not %s", one, other));
}

/* ends of a connection are nothing that an MTA says */
static const MilterExchange *
find_next_command (Stage *stage)
{
  while (stage->next < stage->exchanges->all->len)
    {
      const MilterExchange *exchange = milter_exchanges_get (stage->exchanges, stage->next);

      if (exchange->letter != 0)
        return exchange;
      g_ptr_array_add (stage->result->macros, g_bytes_new (NULL, 0));
      stage->next++;
    }
  return NULL;
}

static void
answer (Stage *stage, const MilterExchange *exchange)
{
  const GPtrArray *expectations = exchange->step->expectations;

  for (guint i = 0; i < exchange->replies->len; i++)
    g_queue_push_tail (&stage->due, g_ptr_array_index (exchange->replies, i));
  for (guint i = 0; i < expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (expectations, i);
      const MilterAnswerPattern *first;

      if (milter_exchange_is_frame (line) || line->answers->len == 0)
        continue;
      first = g_ptr_array_index (line->answers, 0);
      stage->end = first->kind == MILTER_ANSWER_KIND_RESET ? END_RESET : END_CLOSED;
    }
  /* whoever closed first then, a milter closes when it is told to */
  if (exchange->letter == MILTER_COMMAND_QUIT && stage->end == END_NONE)
    stage->end = END_CLOSED;
}

static void
keep_macros (Stage *stage, MilterBytes payload)
{
  GByteArray *packed;
  gpointer letter;

  if (payload.size == 0)
    return;
  letter = GUINT_TO_POINTER (payload.data[0]);
  packed = g_hash_table_lookup (stage->macros, letter);
  if (packed == NULL)
    g_hash_table_insert (stage->macros, letter, packed = g_byte_array_new ());
  milter_payload_append (packed, milter_bytes (payload.data + 1, payload.size - 1));
}

/* (transfer full) */
static GBytes *
take_macros (Stage *stage, guint8 letter)
{
  GByteArray *packed = g_hash_table_lookup (stage->macros, GUINT_TO_POINTER (letter));
  GBytes *bytes = packed != NULL ? g_bytes_new (packed->data, packed->len) : g_bytes_new (NULL, 0);

  g_hash_table_remove (stage->macros, GUINT_TO_POINTER (letter));
  return bytes;
}

static void
hear (Stage *stage, const MilterMessage *message, MilterTextFlags flags)
{
  const MilterExchange *exchange;
  g_autofree char *text = NULL;

  if (message->letter == MILTER_COMMAND_DEFINE_MACRO)
    {
      keep_macros (stage, message->payload);
      return;
    }
  exchange = find_next_command (stage);
  if (exchange == NULL && stage->is_open && strchr ("AQ", message->letter) != NULL)
    {
      stage->end = message->letter == MILTER_COMMAND_QUIT ? END_CLOSED : stage->end;
      return;
    }
  text = milter_message_to_text (message, flags & ~MILTER_TEXT_SHORT);
  if (exchange == NULL || strcmp (text, exchange->text) != 0)
    {
      disagree_about (stage, text, exchange != NULL ? exchange->text : "nothing");
      return;
    }
  g_ptr_array_add (stage->result->macros, take_macros (stage, message->letter));
  stage->next++;
  answer (stage, exchange);
}

static void
on_passed (guint peer,
           MilterSide from,
           const MilterMessage *message,
           MilterTextFlags flags,
           gint64 now_us,
           gpointer data)
{
  if (from == MILTER_SIDE_MTA)
    hear (data, message, flags);
}

/* The milter says one thing, if it has something to say. */
static bool
speak (Stage *stage, MilterPlayer *player, gint64 now_us)
{
  GBytes *frame = g_queue_pop_head (&stage->due);
  MilterMessage message;

  if (frame != NULL)
    {
      MilterBytes bytes = milter_payload_view (frame);

      milter_message_parse (
          MILTER_SIDE_MILTER, bytes.data[4], milter_bytes (bytes.data + 5, bytes.size - 5), &message);
      milter_player_received (player, 0, &message, now_us);
      return true;
    }
  if (stage->end == END_NONE || stage->ended)
    return false;
  stage->ended = true;
  milter_player_ended (player, 0, stage->end == END_RESET, milter_bytes (NULL, 0), now_us);
  return true;
}

/* false: it is over, or does not go on */
static bool
turn (Stage *stage, MilterPlayer *player, gint64 *now_us, guint *idle)
{
  MilterPlayerAction action;

  milter_player_next (player, *now_us, &action);
  (*idle)++;
  switch (action.kind)
    {
    case MILTER_PLAYER_DONE:
      return false;
    case MILTER_PLAYER_OPEN:
      milter_player_opened (player, action.peer, *now_us, /* error= */ NULL);
      break;
    case MILTER_PLAYER_HALF_CLOSE:
      stage->end = stage->end == END_NONE ? END_CLOSED : stage->end;
      break;
    case MILTER_PLAYER_CLOSE:
    case MILTER_PLAYER_RESET:
      stage->ended = true;
      break;
    case MILTER_PLAYER_SEND:
      *idle = 0;
      break;
    case MILTER_PLAYER_WAIT:
      if (speak (stage, player, *now_us))
        *idle = 0;
      else if (action.deadline_us != G_MAXINT64)
        *now_us = MAX (*now_us, action.deadline_us);
      break;
    case MILTER_PLAYER_PAUSE_READING:
    case MILTER_PLAYER_RESUME_READING:
    case MILTER_PLAYER_BARRIER:
      break;
    }
  return *idle < MAX_IDLE_TURNS && stage->result->why == NULL;
}

static char *
describe_failure (const MilterPlayer *player)
{
  const GPtrArray *failures = milter_player_get_failures (player);
  const MilterFailure *failure = failures->len > 0 ? g_ptr_array_index (failures, 0) : NULL;

  if (failure == NULL)
    return g_strdup ("it came to no end");
  return g_strdup_printf ("line %u: %s: expected %s, got %s",
                          failure->where.line,
                          failure->what,
                          failure->expected != NULL ? failure->expected : "nothing",
                          failure->got);
}

static void
play (Stage *stage, MilterPlayer *player)
{
  gint64 now_us = 0;
  guint idle = 0;

  milter_player_set_trace (player, on_passed, stage);
  while (turn (stage, player, &now_us, &idle))
    ;
  if (stage->result->why != NULL)
    return;
  if (find_next_command (stage) != NULL)
    disagree_about (stage, "nothing", milter_exchanges_get (stage->exchanges, stage->next)->text);
  else if (milter_player_get_outcome (player) != MILTER_OUTCOME_HELD)
    disagree (stage, describe_failure (player));
  stage->result->held = stage->result->why == NULL;
}

MilterRehearsal *
milter_rehearsal_run (const MilterScenario *scenario,
                      const MilterScenarioSession *session,
                      const MilterExchanges *exchanges)
{
  MilterRehearsal *result = g_new0 (MilterRehearsal, 1);
  const char *profile = session->profile != NULL ? session->profile : scenario->profile;
  const MilterPlayerConfig config = {
    .profile = milter_profile_get (profile != NULL ? profile : "postfix"),
    .n_peers = 1,
    .timeout_us = TIMEOUT_US,
    .macros = session->macros,
    .send_as = scenario->send_as,
  };
  g_autoptr (MilterPlayer) player = milter_player_new (
      session->name, milter_step_source_new_for_session (session, 1, 1), &config);
  g_autoptr (GHashTable) macros = g_hash_table_new_full (
      /* hash= */ NULL, /* equal= */ NULL, /* key= */ NULL, (GDestroyNotify) g_byte_array_unref);
  Stage stage = { .exchanges = exchanges, .result = result, .macros = macros };

  result->macros = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  stage.is_open = !milter_exchanges_has_end (exchanges);
  g_queue_init (&stage.due);
  play (&stage, player);
  g_queue_clear (&stage.due);
  return result;
}

void
milter_rehearsal_free (MilterRehearsal *rehearsal)
{
  if (rehearsal == NULL)
    return;
  g_free (rehearsal->why);
  g_ptr_array_unref (rehearsal->macros);
  g_free (rehearsal);
}
