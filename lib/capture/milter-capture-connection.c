/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-connection.c: from the two streams of a connection to what a sink is told.
 *
 * Until it is clear that a connection is a milter's, what comes out of its streams is kept, a little
 * of it. One whose beginning was captured is a milter's if who opened it begins with an offer. Of another one
 * both sides must have been heard with whole frames of theirs; or one with several, if the other was
 * not captured.
 */
#include "milter-capture-connection.h"

#include "milter-cache.h"
#include "milter-capture-recognize.h"

/* frames of an MTA that are proof without a word of the milter */
#define ENOUGH_FRAMES 4u

typedef enum
{
  STATE_BEGINNING, /* its first bytes will tell */
  STATE_MIDDLE,    /* it began before the capture; frames will tell */
  STATE_MILTER,
  STATE_OVER       /* … or another protocol's */
} State;

/* what came out of a stream, kept */
typedef struct
{
  enum { KEPT_BYTES, KEPT_HOLE, KEPT_END } kind;
  guint end;
  bool begins, reset;
  gint64 size;
  GByteArray *bytes; /* BYTES */
  MilterCaptureMoment moment;
} Kept;

/* First what each packet needs: with many connections none of it is near, and the fewer lines of memory
 * that is the better. */
struct _MilterCaptureConnection
{
  MilterFlow flow; /* the first member */
  State state;
  guint opener;     /* which end opened it, if that is known; later: the MTA's */
  guint number;
  bool ended[2];
  bool has_isn[2];
  MilterCaptureContext *context; /* unowned */
  MilterCaptureMoment latest;
  MilterAssembly assembly;
  MilterFrames frames[2]; /* by side */

  MilterCaptureMoment first;
  guint32 isn[2];   /* where the streams began */
  GQueue kept;      /* of Kept */
  gsize kept_size;
  guint n_frames[2][2]; /* by end, by side: frames that were found in what is kept */
};

static void
kept_free (gpointer data)
{
  Kept *kept = data;

  g_clear_pointer (&kept->bytes, g_byte_array_unref);
  g_free (kept);
}

/* --- what the sink is told ---------------------------------------------------------------------------- */

static MilterSide
side_of (const MilterCaptureConnection *connection, guint end)
{
  return end == connection->opener ? MILTER_SIDE_MTA : MILTER_SIDE_MILTER;
}

static MilterCapturePlace
place_of (const MilterCaptureConnection *connection,
          MilterSide from,
          const MilterCaptureMoment *moment)
{
  return (MilterCapturePlace){ connection->number, from, *moment };
}

static void
on_message (gpointer owner,
            MilterSide side,
            MilterBytes frame,
            bool behind_hole,
            const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);

  if (connection->context->sink->message != NULL)
    connection->context->sink->message (&place, frame, behind_hole, connection->context->data);
}

static void
on_raw (gpointer owner, MilterSide side, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);

  if (connection->context->sink->raw != NULL)
    connection->context->sink->raw (&place, bytes, connection->context->data);
}

static void
on_lost (gpointer owner,
         MilterSide side,
         gint64 size,
         guint8 letter,
         const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);

  if (connection->context->sink->hole != NULL)
    connection->context->sink->hole (&place, size, letter, connection->context->data);
}

static void
on_skipped (gpointer owner, MilterSide side, guint64 n, const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);
  g_autofree char *text = NULL;

  if (connection->context->sink->note == NULL)
    return;
  text = g_strdup_printf ("%" G_GUINT64_FORMAT " bytes of the %s were left out: the frames that they "
                          "belong to begin in a hole",
                          n,
                          side == MILTER_SIDE_MTA ? "MTA" : "milter");
  connection->context->sink->note (&place, text, connection->context->data);
}

static const MilterFramesEvents frames_events = {
  .message = on_message,
  .raw = on_raw,
  .hole = on_lost,
  .skipped = on_skipped,
};

static void
tell_opened (MilterCaptureConnection *connection, bool from_start)
{
  const MilterFlowKey *key = &connection->flow.key;
  char mta[MILTER_FLOW_END_SIZE], milter[MILTER_FLOW_END_SIZE];
  MilterCaptureOpening opening = { mta, milter, from_start };
  MilterCapturePlace place = place_of (connection, MILTER_SIDE_MTA, &connection->first);

  if (connection->context->sink->opened == NULL)
    return;
  milter_flow_key_write_end (key, connection->opener, mta);
  milter_flow_key_write_end (key, !connection->opener, milter);
  connection->context->sink->opened (&place, &opening, connection->context->data);
}

static void
tell_closed (MilterCaptureConnection *connection,
             guint end,
             bool reset,
             const MilterCaptureMoment *moment)
{
  MilterSide side = side_of (connection, end);
  MilterCapturePlace place = place_of (connection, side, moment);

  /* nothing of the other side follows a reset either: what it began was said before */
  if (reset)
    milter_frames_finish (&connection->frames[!side], moment);
  milter_frames_finish (&connection->frames[side], moment);
  if (connection->context->sink->closed != NULL)
    connection->context->sink->closed (&place, reset, connection->context->data);
}

/* --- recognition --------------------------------------------------------------------------------------- */

static void
forget_kept (MilterCaptureConnection *connection)
{
  g_queue_clear_full (&connection->kept, kept_free);
  connection->kept_size = 0;
  for (guint end = 0; end < 2; end++)
    connection->n_frames[end][0] = connection->n_frames[end][1] = 0;
}

static void
give_up (MilterCaptureConnection *connection)
{
  forget_kept (connection);
  milter_assembly_clear (&connection->assembly);
  connection->state = STATE_OVER;
}

static void
pass_on (MilterCaptureConnection *connection, const Kept *kept)
{
  MilterFrames *frames = &connection->frames[side_of (connection, kept->end)];

  if (kept->kind == KEPT_BYTES)
    milter_frames_take (
        frames, milter_bytes (kept->bytes->data, kept->bytes->len), kept->begins, &kept->moment);
  else if (kept->kind == KEPT_HOLE)
    milter_frames_lost (frames, kept->size, &kept->moment);
  else
    tell_closed (connection, kept->end, kept->reset, &kept->moment);
}

/* It is a milter's, and all that was kept is told. */
static void
begin (MilterCaptureConnection *connection, guint mta_end)
{
  bool from_start = connection->state == STATE_BEGINNING;

  connection->opener = mta_end;
  connection->context->n_milters++;
  connection->number = ++connection->context->latest_number;
  connection->state = STATE_MILTER;
  tell_opened (connection, from_start);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      milter_frames_init (&connection->frames[side], &frames_events, connection, side);
      if (!from_start)
        milter_frames_lost (&connection->frames[side], MILTER_HOLE_UNKNOWN, &connection->first);
    }
  for (GList *i = connection->kept.head; i != NULL; i = i->next)
    pass_on (connection, i->data);
  forget_kept (connection);
}

static MilterBytes
join_kept (const MilterCaptureConnection *connection, guint8 *buffer, gsize size)
{
  gsize n = 0;

  for (GList *i = connection->kept.head; i != NULL; i = i->next)
    {
      const Kept *kept = i->data;

      for (gsize k = 0; kept->kind == KEPT_BYTES && k < kept->bytes->len && n < size; k++)
        buffer[n++] = kept->bytes->data[k];
    }
  return milter_bytes (buffer, n);
}

/* The offer is not whole. Where packets are cut after 80 bytes, as some programs do, no command of the
 * MTA is ever whole, but its length and letter are there, and so are most answers. */
static void
judge_cut_beginning (MilterCaptureConnection *connection, MilterBytes bytes)
{
  if (bytes.size >= MILTER_FRAME_HEADER && milter_recognize_offer (bytes) != MILTER_RECOGNITION_NO)
    {
      begin (connection, connection->opener);
      return;
    }
  connection->state = STATE_MIDDLE;
  forget_kept (connection);
}

/* Only what the opener said is kept; a word of the other side before its offer is another protocol. */
static void
judge_beginning (MilterCaptureConnection *connection, const Kept *latest)
{
  guint8 buffer[MILTER_OFFER_BYTES];
  MilterBytes bytes = join_kept (connection, buffer, sizeof buffer);
  MilterRecognition recognition;

  if (latest->kind == KEPT_HOLE)
    {
      judge_cut_beginning (connection, bytes);
      return;
    }
  if (latest->kind == KEPT_END)
    return;
  recognition = latest->end != connection->opener
                    ? MILTER_RECOGNITION_NO
                    : milter_recognize_offer (bytes);
  if (recognition == MILTER_RECOGNITION_YES)
    begin (connection, connection->opener);
  else if (recognition == MILTER_RECOGNITION_NO)
    give_up (connection);
}

/* An offer is mostly there in one piece: then nothing needs to be kept. */
static bool
is_whole_offer (const MilterCaptureConnection *connection, guint end, MilterBytes bytes)
{
  return connection->state == STATE_BEGINNING && connection->kept.length == 0
         && end == connection->opener && bytes.size >= MILTER_OFFER_BYTES
         && milter_recognize_offer (milter_bytes (bytes.data, MILTER_OFFER_BYTES))
                == MILTER_RECOGNITION_YES;
}

static bool
is_mta (const MilterCaptureConnection *connection, guint end)
{
  guint n_commands = connection->n_frames[end][MILTER_SIDE_MTA];
  guint n_replies = connection->n_frames[!end][MILTER_SIDE_MILTER];

  return n_commands > 0 && (n_replies > 0 || n_commands >= ENOUGH_FRAMES);
}

static bool
may_begin (MilterBytes bytes)
{
  return milter_recognize_header (MILTER_SIDE_MTA, bytes)
         || milter_recognize_header (MILTER_SIDE_MILTER, bytes);
}

static void
judge_middle (MilterCaptureConnection *connection, const Kept *latest)
{
  const Kept *first = g_queue_peek_head (&connection->kept);
  MilterBytes bytes;

  if (latest->kind != KEPT_BYTES || !latest->begins)
    return;
  bytes = milter_bytes (latest->bytes->data, latest->bytes->len);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    connection->n_frames[latest->end][side] += milter_recognize_frames (side, bytes);
  /* if each could be either, with offers only, who spoke first made his */
  for (guint n = 0; n < 2; n++)
    {
      guint end = n == 0 ? first->end : !first->end;

      if (is_mta (connection, end))
        {
          begin (connection, end);
          return;
        }
    }
}

/* (transfer full) @kept */
static void
keep (MilterCaptureConnection *connection, Kept *kept)
{
  gsize size = sizeof *kept + (kept->bytes != NULL ? kept->bytes->len : 0);

  if (connection->state == STATE_MIDDLE)
    {
      /* nothing is worth to be kept before what may be a frame */
      bool is_worth = connection->kept.length > 0
                      || (kept->kind == KEPT_BYTES && kept->begins
                          && may_begin (milter_bytes (kept->bytes->data, kept->bytes->len)));

      if (connection->kept_size + size > MILTER_CONNECTION_MAX_KEPT)
        forget_kept (connection);
      if (!is_worth)
        {
          kept_free (kept);
          return;
        }
    }
  g_queue_push_tail (&connection->kept, kept);
  connection->kept_size += size;
  if (connection->state == STATE_BEGINNING)
    judge_beginning (connection, kept);
  else
    judge_middle (connection, kept);
}

static Kept *
kept_new (int kind, guint end, const MilterCaptureMoment *moment)
{
  Kept *kept = g_new0 (Kept, 1);

  kept->kind = kind;
  kept->end = end;
  kept->moment = *moment;
  return kept;
}

/* --- what comes out of the streams ---------------------------------------------------------------------- */

static void
on_bytes (gpointer owner,
          guint end,
          MilterBytes bytes,
          bool begins,
          const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  Kept *kept;

  if (G_UNLIKELY (is_whole_offer (connection, end, bytes)))
    begin (connection, connection->opener);
  if (connection->state == STATE_MILTER)
    milter_frames_take (
        &connection->frames[side_of (connection, end)], bytes, begins, moment);
  else if (connection->state != STATE_OVER)
    {
      kept = kept_new (KEPT_BYTES, end, moment);
      kept->begins = begins;
      kept->bytes = g_byte_array_sized_new ((guint) bytes.size);
      g_byte_array_append (kept->bytes, bytes.data, (guint) bytes.size);
      keep (connection, kept);
    }
}

static void
on_hole (gpointer owner, guint end, gint64 size, const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  Kept *kept;

  if (connection->state == STATE_MILTER)
    milter_frames_lost (&connection->frames[side_of (connection, end)], size, moment);
  else if (connection->state != STATE_OVER)
    {
      kept = kept_new (KEPT_HOLE, end, moment);
      kept->size = size;
      keep (connection, kept);
    }
}

static void
on_ended (gpointer owner, guint end, bool reset, const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = owner;
  Kept *kept;

  /* behind a reset there is nothing of either side */
  connection->ended[end] = true;
  if (reset)
    connection->ended[!end] = true;
  if (connection->state == STATE_MILTER)
    tell_closed (connection, end, reset, moment);
  else if (connection->state != STATE_OVER)
    {
      kept = kept_new (KEPT_END, end, moment);
      kept->reset = reset;
      keep (connection, kept);
    }
}

static const MilterAssemblyEvents assembly_events = {
  .bytes = on_bytes,
  .hole = on_hole,
  .ended = on_ended,
};

/* --- a connection ---------------------------------------------------------------------------------------- */

MilterCaptureConnection *
milter_capture_connection_new (MilterCaptureContext *context,
                               const MilterSegment *segment,
                               const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = g_new (MilterCaptureConnection, 1);

  *connection = (MilterCaptureConnection){
    .flow.key = segment->key,
    .context = context,
    .first = *moment,
    .latest = *moment,
    .state = STATE_MIDDLE,
  };
  milter_assembly_init (&connection->assembly, &assembly_events, connection, &context->held);
  return connection;
}

void
milter_capture_connection_free (MilterCaptureConnection *connection)
{
  if (connection == NULL)
    return;
  forget_kept (connection);
  milter_assembly_clear (&connection->assembly);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frames_clear (&connection->frames[side]);
  g_free (connection);
}

void
milter_capture_connection_fetch (const MilterCaptureConnection *connection)
{
  milter_cache_fetch (connection, G_STRUCT_OFFSET (MilterCaptureConnection, first));
}

void
milter_capture_connection_fetch_for_sink (const MilterCaptureConnection *connection,
                                          guint step)
{
  const MilterCaptureSink *sink = connection->context->sink;

  if (sink->soon != NULL && connection->state == STATE_MILTER)
    sink->soon (connection->number, step, connection->context->data);
}

bool
milter_capture_connection_is_same (const MilterCaptureConnection *connection,
                                   const MilterSegment *segment)
{
  const MilterAssemblySide *side = &connection->assembly.sides[segment->end];

  if (!(segment->flags & MILTER_TCP_SYN))
    return true;
  if (connection->has_isn[segment->end])
    return connection->isn[segment->end] == segment->seq;
  /* its first packets were captured in another order than they were sent */
  return connection->state != STATE_OVER
         && (!side->known || (guint32) side->next - segment->seq <= MILTER_CONNECTION_MAX_KEPT);
}

static void
take_syn (MilterCaptureConnection *connection, const MilterSegment *segment)
{
  connection->has_isn[segment->end] = true;
  connection->isn[segment->end] = segment->seq;
  /* bytes that came before may have been kept: it is in the middle as far as they are concerned */
  if (connection->state != STATE_MIDDLE || connection->kept.length > 0)
    return;
  connection->opener = segment->flags & MILTER_TCP_ACK ? !segment->end : segment->end;
  connection->state = STATE_BEGINNING;
}

void
milter_capture_connection_take (MilterCaptureConnection *connection,
                                const MilterSegment *segment,
                                const MilterCaptureMoment *moment)
{
  if (connection->state == STATE_OVER)
    return;
  connection->latest = *moment;
  if (segment->flags & MILTER_TCP_SYN)
    take_syn (connection, segment);
  milter_assembly_take (&connection->assembly, segment, moment);
}

void
milter_capture_connection_finish (MilterCaptureConnection *connection)
{
  if (connection->state == STATE_OVER)
    return;
  milter_assembly_finish (&connection->assembly, &connection->latest);
  if (connection->state == STATE_MILTER)
    for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
      milter_frames_finish (&connection->frames[side], &connection->latest);
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frames_clear (&connection->frames[side]);
  give_up (connection);
}

bool
milter_capture_connection_is_over (const MilterCaptureConnection *connection)
{
  return connection->state == STATE_OVER || (connection->ended[0] && connection->ended[1]);
}
