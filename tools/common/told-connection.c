/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * told-connection.c: bytes of two sides to frames, and these to a sink.
 */
#include "told-connection.h"

static MilterCapturePlace
place_of (const ToldConnection *connection, MilterSide from, const MilterCaptureMoment *moment)
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
  const ToldConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);

  if (connection->to->sink->message != NULL)
    connection->to->sink->message (
        &place, frame, behind_hole || connection->has_hole[side], connection->to->data);
}

static void
on_raw (gpointer owner, MilterSide side, MilterBytes bytes, const MilterCaptureMoment *moment)
{
  const ToldConnection *connection = owner;
  MilterCapturePlace place = place_of (connection, side, moment);

  if (connection->to->sink->raw != NULL)
    connection->to->sink->raw (&place, bytes, connection->to->data);
}

/* never: what is told here has its holes between frames */
static void
on_hole (gpointer owner, MilterSide side, gint64 size, guint8 letter, const MilterCaptureMoment *moment)
{
}

static void
on_skipped (gpointer owner, MilterSide side, guint64 n, const MilterCaptureMoment *moment)
{
}

static const MilterFramesEvents frames_events = {
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .skipped = on_skipped,
};

void
told_connection_init (ToldConnection *connection, TellingTo *to)
{
  *connection = (ToldConnection){ .to = to };
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frames_init (&connection->frames[side], &frames_events, connection, side);
}

void
told_connection_clear (ToldConnection *connection)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frames_clear (&connection->frames[side]);
}

void
told_connection_open (ToldConnection *connection,
                      guint wanted,
                      const MilterCaptureOpening *opening,
                      gint64 time_ns)
{
  TellingTo *to = connection->to;
  MilterCaptureMoment moment = { .time_ns = time_ns };
  MilterCapturePlace place;

  if (connection->number != 0)
    return;
  connection->number = milter_capture_reader_number_connection (to->reader, wanted);
  to->n_connections++;
  place = place_of (connection, MILTER_SIDE_MTA, &moment);
  if (to->sink->opened != NULL)
    to->sink->opened (&place, opening, to->data);
}

void
told_connection_take (ToldConnection *connection,
                      MilterSide from,
                      MilterBytes bytes,
                      const MilterCaptureMoment *moment)
{
  milter_frames_take (&connection->frames[from], bytes, /* begins= */ true, moment);
}

void
told_connection_lose (ToldConnection *connection,
                      MilterSide side,
                      gint64 size,
                      guint8 letter,
                      const MilterCaptureMoment *moment)
{
  MilterFrames *frames = &connection->frames[side];
  MilterCapturePlace place = place_of (connection, side, moment);

  milter_frames_finish (frames, moment);
  milter_frames_clear (frames);
  milter_frames_init (frames, &frames_events, connection, side);
  connection->has_hole[side] = true;
  if (connection->to->sink->hole != NULL)
    connection->to->sink->hole (&place, size, letter, connection->to->data);
}

void
told_connection_close (ToldConnection *connection,
                       MilterSide side,
                       bool reset,
                       const MilterCaptureMoment *moment)
{
  MilterCapturePlace place = place_of (connection, side, moment);

  /* behind a reset there is nothing of either side */
  if (reset)
    told_connection_finish (connection, moment);
  milter_frames_finish (&connection->frames[side], moment);
  if (connection->to->sink->closed != NULL)
    connection->to->sink->closed (&place, reset, connection->to->data);
}

void
told_connection_finish (ToldConnection *connection, const MilterCaptureMoment *moment)
{
  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    milter_frames_finish (&connection->frames[side], moment);
}

static int
compare_numbers (gconstpointer a, gconstpointer b)
{
  guint one = GPOINTER_TO_UINT (a), other = GPOINTER_TO_UINT (b);

  return one < other ? -1 : one > other;
}

GList *
told_connection_list_numbers (GHashTable *by_number)
{
  return g_list_sort (g_hash_table_get_keys (by_number), compare_numbers);
}
