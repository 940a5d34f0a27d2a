/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-reader.c: packets to connections, and what could not be read.
 */
#include "milter-capture-reader.h"

#include "milter-capture-connection.h"
#include "milter-capture-packets.h"

/* remarks of one kind that are made; then they are counted */
#define MAX_REMARKS 5u

/* packets that are looked at before the first of them is taken … */
#define MAX_AHEAD 16u
/* … if more connections are open: so few are near in memory anyway */
#define FEW_CONNECTIONS 64u

/* what is left out, and why */
static const char *const remarks[] = {
  [MILTER_PACKET_FRAGMENT] = "an IP fragment; fragments are not put together",
  [MILTER_PACKET_CUT] = "its headers were not captured whole",
  [MILTER_PACKET_UNKNOWN_LINK] = "its link type is not known here",
};

struct _MilterCaptureReader
{
  MilterCaptureContext context;
  MilterFlows flows;
  guint64 n_packets;
  guint n_connections;
  guint n_remarks[G_N_ELEMENTS (remarks)];
  guint n_forgotten;
  MilterCaptureMoment latest;
};

MilterCaptureReader *
milter_capture_reader_new (const MilterCaptureSink *sink, gpointer data)
{
  MilterCaptureReader *reader = g_new0 (MilterCaptureReader, 1);

  reader->context.sink = sink;
  reader->context.data = data;
  milter_flows_init (&reader->flows);
  return reader;
}

static void
forget (MilterCaptureReader *reader, MilterFlow *flow)
{
  milter_flows_remove (&reader->flows, flow);
  milter_capture_connection_free ((MilterCaptureConnection *) flow);
}

void
milter_capture_reader_free (MilterCaptureReader *reader)
{
  MilterFlow *flow;

  if (reader == NULL)
    return;
  while ((flow = milter_flows_get_oldest (&reader->flows)) != NULL)
    forget (reader, flow);
  milter_flows_clear (&reader->flows);
  g_free (reader);
}

/* --- remarks ------------------------------------------------------------------------------------- */

static void
note (MilterCaptureReader *reader, const MilterCaptureMoment *moment, const char *text)
{
  MilterCapturePlace place = { .connection = 0, .moment = *moment };

  if (reader->context.sink->note != NULL)
    reader->context.sink->note (&place, text, reader->context.data);
}

static void
remark (MilterCaptureReader *reader,
        MilterPacketKind kind,
        guint link_type,
        const MilterCaptureMoment *moment)
{
  g_autofree char *text = NULL;

  if (++reader->n_remarks[kind] > MAX_REMARKS)
    return;
  if (kind == MILTER_PACKET_UNKNOWN_LINK)
    text = g_strdup_printf ("link type %u is not known here", link_type);
  note (reader, moment, text != NULL ? text : remarks[kind]);
}

static void
tell_counts (MilterCaptureReader *reader)
{
  MilterCaptureMoment nowhere = { .frame = 0, .time_ns = reader->latest.time_ns };

  for (gsize kind = 0; kind < G_N_ELEMENTS (remarks); kind++)
    {
      g_autofree char *text = NULL;

      if (reader->n_remarks[kind] <= MAX_REMARKS)
        continue;
      text = g_strdup_printf (
          "the same of %u more frames: %s", reader->n_remarks[kind] - MAX_REMARKS, remarks[kind]);
      note (reader, &nowhere, text);
    }
  if (reader->n_forgotten > 0)
    {
      g_autofree char *text = g_strdup_printf (
          "%u connections were given up because more than %u were open at a time",
          reader->n_forgotten,
          MILTER_FLOWS_MAX_LIVE);

      note (reader, &nowhere, text);
    }
}

/* --- connections ----------------------------------------------------------------------------------- */

static void
make_room (MilterCaptureReader *reader)
{
  MilterFlow *flow;

  while ((flow = milter_flows_get_surplus (&reader->flows)) != NULL)
    {
      if (!flow->retired)
        reader->n_forgotten++;
      milter_capture_connection_finish ((MilterCaptureConnection *) flow);
      forget (reader, flow);
    }
}

static MilterCaptureConnection *
find_connection (MilterCaptureReader *reader,
                 const MilterSegment *segment,
                 const MilterCaptureMoment *moment)
{
  MilterFlow *flow = milter_flows_find (&reader->flows, &segment->key);
  MilterCaptureConnection *connection = (MilterCaptureConnection *) flow;

  if (flow != NULL && milter_capture_connection_is_same (connection, segment))
    return connection;
  /* the same two ports have begun again */
  if (flow != NULL)
    {
      milter_capture_connection_finish (connection);
      forget (reader, flow);
    }
  connection = milter_capture_connection_new (&reader->context, segment, moment);
  reader->n_connections++;
  milter_flows_add (&reader->flows, milter_capture_connection_get_flow (connection));
  make_room (reader);
  return connection;
}

static void
take_segment (MilterCaptureReader *reader,
              const MilterSegment *segment,
              const MilterCaptureMoment *moment)
{
  MilterCaptureConnection *connection = find_connection (reader, segment, moment);
  MilterFlow *flow = milter_capture_connection_get_flow (connection);

  if (flow->retired)
    return;
  milter_capture_connection_take (connection, segment, moment);
  if (!milter_capture_connection_is_over (connection))
    return;
  milter_capture_connection_finish (connection);
  milter_flows_retire (&reader->flows, flow);
  make_room (reader);
}

static inline void
take_packet (MilterCaptureReader *reader,
             const MilterCaptureMoment *moment,
             MilterPacketKind kind,
             guint link_type,
             const MilterSegment *segment)
{
  reader->latest = *moment;
  reader->n_packets++;
  if (kind == MILTER_PACKET_TCP)
    take_segment (reader, segment, &reader->latest);
  else if (kind != MILTER_PACKET_OTHER)
    remark (reader, kind, link_type, &reader->latest);
}

static MilterPacketsStatus
take_one (MilterCaptureReader *reader, MilterPackets *packets, GError **error)
{
  MilterCapturePacket packet;
  MilterPacketsStatus status = milter_packets_next (packets, &packet, error);

  if (status == MILTER_PACKETS_ONE)
    {
      const MilterCaptureMoment moment = { packet.number, packet.time_ns };
      MilterSegment segment;
      MilterPacketKind kind
          = milter_segment_read (packet.link_type, packet.data, packet.length, &segment);

      take_packet (reader, &moment, kind, packet.link_type, &segment);
    }
  return status;
}

/* --- many connections ------------------------------------------------------------------------------ */

/* what is known of a packet before its turn */
typedef struct
{
  MilterPacketKind kind;
  guint link_type;
  MilterCaptureMoment moment;
  MilterSegment segment; /* of TCP */
} Packet;

static void
look_at (MilterCaptureReader *reader, const MilterCapturePacket *captured, Packet *packet)
{
  packet->kind = milter_segment_read (
      captured->link_type, captured->data, captured->length, &packet->segment);
  packet->link_type = captured->link_type;
  packet->moment = (MilterCaptureMoment){ captured->number, captured->time_ns };
  if (packet->kind == MILTER_PACKET_TCP)
    milter_flows_fetch_guess (&reader->flows, &packet->segment.key);
}

/* (nullable) */
static const MilterCaptureConnection *
guess_connection (const MilterCaptureReader *reader, const Packet *packet)
{
  return packet->kind == MILTER_PACKET_TCP
             ? (const MilterCaptureConnection *) milter_flows_guess (&reader->flows,
                                                                     &packet->segment.key)
             : NULL;
}

/* Of many connections none is near in memory. What some packets need is fetched all at once, a step at a
 * time: to wait for each by itself takes longer than all that is done with it. */
static void
fetch (const MilterCaptureReader *reader, const Packet *packets, gsize n)
{
  const MilterCaptureConnection *connections[MAX_AHEAD];
  gsize n_connections = 0;

  for (gsize i = 0; i < n; i++)
    {
      const MilterCaptureConnection *connection = guess_connection (reader, &packets[i]);

      if (connection == NULL || (n_connections > 0 && connections[n_connections - 1] == connection))
        continue;
      connections[n_connections++] = connection;
      milter_capture_connection_fetch (connection);
    }
  if (reader->context.sink->soon == NULL)
    return;
  for (guint step = 0; step < MILTER_CAPTURE_SINK_STEPS; step++)
    for (gsize i = 0; i < n_connections; i++)
      milter_capture_connection_fetch_for_sink (connections[i], step);
}

static bool
is_stopped (const MilterCaptureReader *reader)
{
  const MilterCaptureSink *sink = reader->context.sink;

  return sink->stopped != NULL && sink->stopped (reader->context.data);
}

static MilterPacketsStatus
take_some (MilterCaptureReader *reader, MilterPackets *packets, GError **error)
{
  MilterCapturePacket packet;
  Packet next[MAX_AHEAD];
  MilterPacketsStatus status;
  gsize n = 0;

  do
    if ((status = milter_packets_next (packets, &packet, error)) == MILTER_PACKETS_ONE)
      look_at (reader, &packet, &next[n++]);
  while (status == MILTER_PACKETS_ONE && n < MAX_AHEAD && milter_packets_is_near (packets));
  fetch (reader, next, n);
  for (gsize i = 0; i < n && !is_stopped (reader); i++)
    take_packet (
        reader, &next[i].moment, next[i].kind, next[i].link_type, &next[i].segment);
  return status;
}

/* --- files --------------------------------------------------------------------------------------- */

gboolean
milter_capture_reader_read (MilterCaptureReader *reader, MilterCaptureInput *input, GError **error)
{
  g_autoptr (MilterPackets) packets = milter_packets_open (input, error);
  MilterPacketsStatus status = MILTER_PACKETS_ONE;

  if (packets == NULL)
    return FALSE;
  while (status == MILTER_PACKETS_ONE && !is_stopped (reader))
    status = milter_flows_get_n_live (&reader->flows) > FEW_CONNECTIONS
                 ? take_some (reader, packets, error)
                 : take_one (reader, packets, error);
  if (status != MILTER_PACKETS_ERROR)
    return TRUE;
  if (!is_stopped (reader))
    return FALSE;
  /* nobody wants to know what is wrong behind it */
  g_clear_error (error);
  return TRUE;
}

void
milter_capture_reader_finish (MilterCaptureReader *reader)
{
  MilterFlow *flow;

  while ((flow = milter_flows_get_oldest (&reader->flows)) != NULL)
    {
      milter_capture_connection_finish ((MilterCaptureConnection *) flow);
      forget (reader, flow);
    }
  tell_counts (reader);
}

guint
milter_capture_reader_number_connection (MilterCaptureReader *reader, guint wanted)
{
  MilterCaptureContext *context = &reader->context;

  context->latest_number = MAX (wanted, context->latest_number + 1);
  return context->latest_number;
}

guint64
milter_capture_reader_get_n_packets (const MilterCaptureReader *reader)
{
  return reader->n_packets;
}

guint
milter_capture_reader_get_n_connections (const MilterCaptureReader *reader)
{
  return reader->n_connections;
}

guint
milter_capture_reader_get_n_milters (const MilterCaptureReader *reader)
{
  return reader->context.n_milters;
}
