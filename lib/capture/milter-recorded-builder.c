/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-builder.c: the connections of a recording: what is kept of them, and when it is
 * told.
 */
#include "milter-recorded-private.h"

/* of bytes that are no frame so many are kept */
#define MAX_RAW ((gsize) 64)

const MilterRecordedLimits milter_recorded_limits_default = {
  .max_body = (gsize) 1 << 20,
  .max_kept = (gsize) 4 << 20,
  .digests = true,
};
const MilterRecordedLimits milter_recorded_limits_no_bodies = {
  .max_body = 0,
  .max_kept = (gsize) 1 << 20,
  .digests = false,
};

const MilterRecordedLimits milter_recorded_limits_bare = {
  .max_body = 0,
  .max_kept = (gsize) 1 << 20,
  .digests = false,
  .bare = true,
};

/* --- memory
 * ------------------------------------------------------------------------------------------- */

static void
building_free (gpointer data)
{
  MilterBuilding *building = data;

  g_free (building->due.more);
  g_queue_clear_full (&building->messages, (GDestroyNotify) milter_recorded_message_free);
  milter_recorded_session_free (building->session);
  milter_session_clear (&building->rules);
  if (building->queue_id != NULL)
    g_string_free (building->queue_id, TRUE);
  g_free (building);
}

void
milter_building_due_push (MilterBuildingDues *dues, const MilterBuildingDue *due)
{
  guint room = dues->more != NULL ? dues->size : G_N_ELEMENTS (dues->few);

  if (dues->n == room)
    {
      MilterBuildingDue *more = g_new (MilterBuildingDue, 2 * room);

      for (guint i = 0; i < dues->n; i++)
        more[i] = *milter_building_due_at (dues, i);
      g_free (dues->more);
      dues->more = more;
      dues->size = 2 * room;
      dues->first = 0;
    }
  *milter_building_due_at (dues, dues->n++) = *due;
}

/* Whether @size more bytes may be kept; then they count. */
static bool
may_keep (MilterBuilding *building, MilterRecordedMessage *message, gsize size)
{
  if (size > building->builder->limits.max_kept - building->kept)
    return false;
  building->kept += size;
  if (message != NULL)
    message->kept += size;
  return true;
}

/* … for what cannot be left out */
bool
milter_building_must_keep (MilterBuilding *building, MilterRecordedMessage *message, gsize size)
{
  if (may_keep (building, message, size + MILTER_BUILDING_ENTRY))
    return true;
  if (message != NULL)
    message->missing |= MILTER_RECORDED_TOO_LARGE;
  else
    building->session->missing |= MILTER_RECORDED_TOO_LARGE;
  return false;
}

void
milter_building_append_body (MilterBuilding *building,
                             MilterRecordedMessage *message,
                             MilterRecordedBody *body,
                             MilterBytes chunk)
{
  const MilterRecordedLimits *limits = &building->builder->limits;
  bool is_whole = !limits->bare && milter_recorded_body_is_kept (body) && message->sum == NULL;

  body->size += chunk.size;
  if (is_whole && chunk.size <= limits->max_body - body->bytes->len
      && may_keep (building, message, chunk.size))
    {
      g_byte_array_append (body->bytes, chunk.data, (guint) chunk.size);
      return;
    }
  if (!limits->digests)
    return;
  if (message->sum == NULL)
    {
      message->sum = g_checksum_new (G_CHECKSUM_SHA256);
      g_checksum_update (message->sum, body->bytes->data, body->bytes->len);
    }
  g_checksum_update (message->sum, chunk.data, (gssize) chunk.size);
}

static void
finish_body (MilterRecordedMessage *message, MilterRecordedBody *body)
{
  if (message->sum == NULL)
    return;
  body->digest = g_strdup (g_checksum_get_string (message->sum));
  g_clear_pointer (&message->sum, g_checksum_free);
}

/* of the body that is being sent, the message's own or the replacement that came last */
void
milter_building_finish_bodies (MilterRecordedMessage *message)
{
  MilterRecordedEdit *edit;

  if (message->edits->len > 0)
    {
      edit = g_ptr_array_index (message->edits, message->edits->len - 1);
      finish_body (message, &edit->body);
    }
  finish_body (message, &message->body);
}

/* --- what is told
 * -------------------------------------------------------------------------------------- */

void
milter_building_tell_answered (MilterBuilding *building, const MilterBuildingDue *due)
{
  const MilterRecordedEvents *events = building->builder->events;

  if (events->answered != NULL)
    events->answered (building->session, due->message, due->command, building->builder->data);
}

/* A message that lacks its verdict because all of its recipients were refused has that of the last
 */
static void
decide_by_recipients (MilterRecordedMessage *message)
{
  const MilterRecordedCommand *last = NULL;

  for (guint i = 0; i < message->recipients->len; i++)
    {
      last = g_ptr_array_index (message->recipients, i);
      if (!milter_recorded_command_is_refused (last))
        return;
    }
  if (last == NULL || message->verdict != 0)
    return;
  message->verdict = last->reply;
  message->verdict_command = last->letter;
  message->verdict_text = last->text;
}

static void
tell_message (MilterBuilding *building, MilterRecordedMessage *message)
{
  MilterRecordedBuilder *builder = building->builder;

  building->kept -= message->kept;
  if (building->last.message == message)
    building->last = (MilterBuildingDue){ NULL, NULL };
  milter_building_finish_bodies (message);
  decide_by_recipients (message);
  if (builder->events->message != NULL)
    builder->events->message (building->session, message, builder->data);
  else
    milter_recorded_message_free (message);
}

/* tells the messages of which nothing can come any more, in order */
void
milter_building_settle (MilterBuilding *building)
{
  MilterRecordedMessage *message;

  while ((message = g_queue_peek_head (&building->messages)) != NULL && message != building->current
         && message->n_due == 0)
    tell_message (building, g_queue_pop_head (&building->messages));
}

/* a command will not be answered any more */
void
milter_building_give_up_due (MilterBuildingDue *due,
                             MilterBuilding *building,
                             MilterRecordedAnswer answer)
{
  due->command->answer = answer;
  if (due->message != NULL)
    due->message->n_due--;
  milter_building_tell_answered (building, due);
}

void
milter_building_give_up_all (MilterBuilding *building, MilterRecordedAnswer answer)
{
  MilterBuildingDue due;

  while (milter_building_due_pop (&building->due, &due))
    milter_building_give_up_due (&due, building, answer);
  while (building->rules.due_count > 0)
    milter_session_due_pop (&building->rules);
}

/* --- messages
 * ------------------------------------------------------------------------------------------ */

/* all of which something may come are no longer known as a whole */
static void
mark_missing (MilterBuilding *building, MilterRecordedMissing missing)
{
  for (GList *node = building->messages.head; node != NULL; node = node->next)
    ((MilterRecordedMessage *) node->data)->missing |= missing;
  building->session->missing |= missing;
}

/* which reply belongs to which command is not known any more */
void
milter_building_lose_step (MilterBuilding *building)
{
  building->doubtful = true;
  building->rules.policy = MILTER_SESSION_OFF;
  mark_missing (building, MILTER_RECORDED_OUT_OF_STEP);
  milter_building_give_up_all (building, MILTER_RECORDED_LOST);
}

/* A message begins: of an MTA that waits for each answer nothing older is due, and it has begun
 * with MAIL */
static void
find_step (MilterBuilding *building, guint8 letter)
{
  if (!building->doubtful || !building->negotiated || building->ahead
      || letter != MILTER_COMMAND_ENVELOPE_FROM)
    return;
  building->doubtful = false;
  building->rules.policy = MILTER_SESSION_LENIENT;
}

static const MilterProfile *
profile_of (const MilterRecordedSession *session)
{
  static const char sendmail[] = "8.";
  bool is_sendmail = session->version != NULL && g_str_has_prefix (session->version->str, sendmail);

  return milter_profile_get (is_sendmail ? "sendmail" : "postfix");
}

void
milter_building_end_message (MilterBuilding *building, MilterRecordedEnd end)
{
  MilterRecordedMessage *message = building->current;

  if (message == NULL)
    return;
  building->current = NULL;
  if (message->end == MILTER_RECORDED_OPEN)
    message->end = end;
}

void
milter_building_begin_message (MilterBuilding *building,
                               guint8 letter,
                               const MilterCaptureMoment *moment)
{
  MilterRecordedSession *session = building->session;
  MilterRecordedMessage *message;

  milter_building_end_message (building, MILTER_RECORDED_LEFT);
  find_step (building, letter);
  milter_building_settle (building);
  if (building->messages.length >= MILTER_RECORDED_MAX_OPEN)
    {
      building->ahead = true;
      milter_building_lose_step (building);
      milter_building_settle (building);
    }
  message = milter_recorded_message_new (session, building->builder->limits.bare);
  message->number = ++session->n_messages;
  message->began = message->ended = *moment;
  message->profile = profile_of (session);
  if (building->doubtful)
    message->missing |= MILTER_RECORDED_OUT_OF_STEP;
  g_queue_push_tail (&building->messages, message);
  building->current = message;
}

/* Several of a kind in a row, all answered alike, are one: those that make a message long. */
static bool
joins (const MilterRecordedCommand *one, const MilterRecordedCommand *next)
{
  if (one->letter != next->letter || one->answer != next->answer || one->reply != next->reply
      || (one->letter != MILTER_COMMAND_HEADER && one->letter != MILTER_COMMAND_BODY
          && one->letter != MILTER_COMMAND_UNKNOWN))
    return false;
  return one->answer == MILTER_RECORDED_NOT_DUE
         || (one->answer == MILTER_RECORDED_ANSWERED && one->reply == MILTER_REPLY_CONTINUE);
}

/* of several nobody is meant: what they are about stands in the mail */
static gsize
forget_about (MilterRecordedCommand *command)
{
  GString *about = g_steal_pointer (&command->about);
  gsize size = about != NULL ? about->len : 0;

  if (about != NULL)
    g_string_free (about, TRUE);
  return size;
}

/* The command that stands last in its list has got its answer. */
void
milter_building_join_last (MilterBuilding *building, const MilterBuildingDue *due)
{
  MilterRecordedMessage *message = due->message;
  GPtrArray *commands = message != NULL ? message->commands : building->session->commands;
  MilterRecordedCommand *one;
  gsize size;

  if (commands->len < 2 || g_ptr_array_index (commands, commands->len - 1) != due->command)
    return;
  one = g_ptr_array_index (commands, commands->len - 2);
  if (!joins (one, due->command))
    return;
  one->count++;
  one->replied = due->command->replied;
  one->latency_ns = MAX (one->latency_ns, due->command->latency_ns);
  size = MILTER_BUILDING_ENTRY + forget_about (one) + forget_about (due->command);
  building->kept -= size;
  if (message != NULL)
    message->kept -= size;
  if (building->last.command == due->command)
    building->last.command = one;
  milter_recorded_commands_drop_last (commands, milter_building_own_commands (building, message));
}

static void
tell_session (MilterBuilding *building)
{
  MilterRecordedBuilder *builder = building->builder;
  MilterRecordedSession *session = g_steal_pointer (&building->session);

  building->last = (MilterBuildingDue){ NULL, NULL };
  building->kept = 0;
  if (builder->events->session != NULL)
    builder->events->session (session, builder->data);
  else
    milter_recorded_session_free (session);
}

/* The session is over; @answer: what becomes of the commands that wait, @end: of the message */
void
milter_building_finish_session (MilterBuilding *building,
                                MilterRecordedAnswer answer,
                                MilterRecordedEnd end)
{
  milter_building_end_message (building, end);
  milter_building_give_up_all (building, answer);
  for (GList *node = building->messages.head; node != NULL; node = node->next)
    {
      MilterRecordedMessage *message = node->data;

      if (message->end == MILTER_RECORDED_OPEN)
        message->end = end;
    }
  milter_building_settle (building);
  tell_session (building);
}

/* --- the sink
 * ------------------------------------------------------------------------------------------ */

static MilterBuilding *
find (MilterRecordedBuilder *builder, const MilterCapturePlace *place)
{
  MilterBuilding **recent = &builder->recent[place->connection % MILTER_BUILDING_RECENT];
  MilterBuilding *building = *recent;

  if (building == NULL || building->number != place->connection)
    building = g_hash_table_lookup (builder->connections, GUINT_TO_POINTER (place->connection));
  if (building == NULL)
    return NULL;
  *recent = building;
  building->session->ended = place->moment;
  return building;
}

static void
remove_building (MilterRecordedBuilder *builder, guint number)
{
  builder->recent[number % MILTER_BUILDING_RECENT] = NULL;
  g_hash_table_remove (builder->connections, GUINT_TO_POINTER (number));
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  MilterRecordedBuilder *builder = data;
  MilterBuilding *building = g_new (MilterBuilding, 1);
  MilterRecordedSession *session = milter_recorded_session_new (place->connection, 1);

  remove_building (builder, place->connection);
  *building = (MilterBuilding){
    .builder = builder,
    .number = place->connection,
    .session = session,
  };
  milter_session_init (&building->rules, MILTER_SESSION_LENIENT);
  session->mta = g_strdup (opening->mta);
  session->milter = g_strdup (opening->milter);
  session->began = session->ended = place->moment;
  g_hash_table_insert (builder->connections, GUINT_TO_POINTER (place->connection), building);
  if (opening->from_start)
    return;
  session->missing = MILTER_RECORDED_NO_START;
  milter_building_lose_step (building);
}

/* of macros that nobody looks at it is enough that there are some */
static void
parse (const MilterBuilding *building, MilterSide from, MilterBytes frame, MilterMessage *message)
{
  MilterBytes payload = milter_bytes (frame.data + 5, frame.size - 5);

  if (!building->builder->limits.bare || from != MILTER_SIDE_MTA
      || frame.data[4] != MILTER_COMMAND_DEFINE_MACRO)
    {
      milter_message_parse (from, frame.data[4], payload, message);
      return;
    }
  milter_message_init (message, from, frame.data[4]);
  message->payload = payload;
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  MilterBuilding *building = find (data, place);
  MilterMessage message;

  if (building == NULL)
    return;
  parse (building, place->from, frame, &message);
  if (place->from == MILTER_SIDE_MTA)
    milter_building_take_command (building, &message, &place->moment);
  else
    milter_building_take_reply (building, &message, &place->moment);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  MilterBuilding *building = find (data, place);
  GByteArray **raw;

  if (building == NULL)
    return;
  raw = &building->session->raw[place->from];
  if (*raw == NULL)
    *raw = g_byte_array_new ();
  g_byte_array_append (*raw, bytes.data, (guint) MIN (bytes.size, MAX_RAW - (*raw)->len));
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  MilterBuilding *building = find (data, place);

  if (building == NULL)
    return;
  mark_missing (building, MILTER_RECORDED_HOLE);
  milter_building_lose_step (building);
  milter_building_settle (building);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  MilterRecordedBuilder *builder = data;
  MilterBuilding *building = find (builder, place);
  MilterRecordedSession *session;

  if (building == NULL)
    return;
  session = building->session;
  session->closed[place->from] = true;
  session->reset[place->from] |= reset;
  if (session->first_closed < 0)
    session->first_closed = place->from;
  /* behind a reset nothing follows, from neither */
  if (!reset && !session->closed[!place->from])
    return;
  milter_building_finish_session (building, MILTER_RECORDED_UNANSWERED, MILTER_RECORDED_BROKEN_OFF);
  remove_building (builder, place->connection);
}

const MilterCaptureSink milter_recorded_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
};

/* --- the builder
 * --------------------------------------------------------------------------------------- */

MilterRecordedBuilder *
milter_recorded_builder_new (const MilterRecordedLimits *limits,
                             const MilterRecordedEvents *events,
                             gpointer data)
{
  MilterRecordedBuilder *builder = g_new0 (MilterRecordedBuilder, 1);

  builder->limits = limits != NULL ? *limits : milter_recorded_limits_default;
  builder->events = events;
  builder->data = data;
  builder->connections
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, NULL, building_free);
  return builder;
}

void
milter_recorded_builder_free (MilterRecordedBuilder *builder)
{
  if (builder == NULL)
    return;
  g_hash_table_unref (builder->connections);
  g_free (builder);
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint one = GPOINTER_TO_UINT (a), other = GPOINTER_TO_UINT (b);

  return (one > other) - (one < other);
}

/* Nothing follows. What waits for an answer, and was not seen to end, is cut off. */
static void
cut_off (MilterBuilding *building)
{
  MilterRecordedSession *session = building->session;

  if (session->first_closed >= 0)
    {
      milter_building_finish_session (
          building, MILTER_RECORDED_UNANSWERED, MILTER_RECORDED_BROKEN_OFF);
      return;
    }
  for (GList *node = building->messages.head; node != NULL; node = node->next)
    {
      MilterRecordedMessage *message = node->data;

      if (message->end == MILTER_RECORDED_OPEN)
        message->missing |= MILTER_RECORDED_CUT_OFF;
    }
  if (!session->quit)
    session->missing |= MILTER_RECORDED_CUT_OFF;
  milter_building_finish_session (building, MILTER_RECORDED_LOST, MILTER_RECORDED_OPEN);
}

void
milter_recorded_builder_finish (MilterRecordedBuilder *builder)
{
  g_autoptr (GList) numbers
      = g_list_sort (g_hash_table_get_keys (builder->connections), compare_numbers);

  for (GList *node = numbers; node != NULL; node = node->next)
    {
      cut_off (g_hash_table_lookup (builder->connections, node->data));
      remove_building (builder, GPOINTER_TO_UINT (node->data));
    }
}
