/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-assembly.c: segments that wait, gaps, and when they become holes.
 */
#include "milter-capture-assembly.h"

#include <string.h>

/* sequence numbers are counted from here, so that one that lies before the first is no less than 0 */
#define BASE ((guint64) 1 << 32)

struct _MilterHeldSegment
{
  MilterHeldSegment *next;
  guint64 seq;
  guint64 ack;     /* 0: it acknowledges nothing */
  gsize length;
  gsize captured;
  guint8 flags;
  MilterCaptureMoment moment;
  guint8 data[];
};

/* a segment whose numbers are counted on; bytes belong to the packet, or to one that is held */
typedef struct
{
  guint end;
  guint64 seq;
  guint64 ack;
  gsize length;
  MilterBytes data;
  guint8 flags;
  MilterCaptureMoment moment;
} Piece;

void
milter_assembly_init (MilterAssembly *assembly,
                      const MilterAssemblyEvents *events,
                      gpointer owner,
                      gsize *total)
{
  *assembly = (MilterAssembly){ .events = events, .owner = owner, .total = total };
}

/* --- what is held ------------------------------------------------------------------------------- */

static gsize
cost_of (const MilterHeldSegment *held)
{
  return sizeof *held + held->captured;
}

/* Unlinks the first one. (transfer full) */
static MilterHeldSegment *
take_held (MilterAssembly *assembly, MilterAssemblySide *side)
{
  MilterHeldSegment *held = side->held;

  side->held = held->next;
  if (side->held == NULL)
    side->last = NULL;
  side->n_held--;
  side->held_size -= (guint) cost_of (held);
  *assembly->total -= cost_of (held);
  return held;
}

static void
hold (MilterAssembly *assembly, const Piece *piece)
{
  MilterAssemblySide *side = &assembly->sides[piece->end];
  MilterHeldSegment *held = g_malloc (sizeof *held + piece->data.size);
  MilterHeldSegment **at = &side->held;

  *held = (MilterHeldSegment){
    .seq = piece->seq,
    .ack = piece->ack,
    .length = piece->length,
    .captured = piece->data.size,
    .flags = piece->flags,
    .moment = piece->moment,
  };
  if (piece->data.size > 0)
    memcpy (held->data, piece->data.data, piece->data.size);

  /* nearly always behind the last; of two at the same place the older comes first */
  if (side->last != NULL && side->last->seq <= held->seq)
    at = &side->last->next;
  while (*at != NULL && (*at)->seq <= held->seq)
    at = &(*at)->next;
  held->next = *at;
  *at = held;
  if (held->next == NULL)
    side->last = held;
  side->n_held++;
  side->held_size += (guint) cost_of (held);
  *assembly->total += cost_of (held);
}

void
milter_assembly_clear (MilterAssembly *assembly)
{
  for (guint end = 0; end < 2; end++)
    while (assembly->sides[end].held != NULL)
      g_free (take_held (assembly, &assembly->sides[end]));
}

/* --- what comes out ------------------------------------------------------------------------------ */

/* Bytes behind the captured ones of a segment are a hole whose place and length are known. */
static void
give_bytes (MilterAssembly *assembly, const Piece *piece)
{
  MilterAssemblySide *side = &assembly->sides[piece->end];
  guint64 old = side->next - piece->seq; /* bytes that are known already */
  gsize captured = piece->data.size;

  if (old < captured)
    {
      side->next = piece->seq + captured;
      assembly->events->bytes (assembly->owner,
                               piece->end,
                               milter_bytes (piece->data.data + old, captured - (gsize) old),
                               old == 0,
                               &piece->moment);
      old = captured;
    }
  if (old < piece->length)
    {
      side->next = piece->seq + piece->length;
      assembly->events->hole (
          assembly->owner, piece->end, (gint64) (piece->length - old), &piece->moment);
    }
}

static void
give (MilterAssembly *assembly, const Piece *piece)
{
  MilterAssemblySide *side = &assembly->sides[piece->end];
  guint64 end_seq = piece->seq + piece->length;

  /* who has closed may still reset */
  if (side->ended && !(piece->flags & MILTER_TCP_RST))
    return;
  if (end_seq > side->next && !side->ended)
    give_bytes (assembly, piece);
  if ((piece->flags & (MILTER_TCP_FIN | MILTER_TCP_RST)) == 0)
    return;
  /* a FIN has a number of its own */
  if (piece->flags & MILTER_TCP_FIN && end_seq == side->next)
    side->next++;
  side->ended = true;
  while (side->held != NULL)
    g_free (take_held (assembly, side));
  assembly->events->ended (
      assembly->owner, piece->end, (piece->flags & MILTER_TCP_RST) != 0, &piece->moment);
}

/* --- order --------------------------------------------------------------------------------------- */

/* What this acknowledges has come out, or nobody knows where the other stream is. */
static bool
is_answer_in_order (const MilterAssembly *assembly, guint end, guint64 ack)
{
  const MilterAssemblySide *other = &assembly->sides[!end];

  return ack <= other->next || !other->known || other->ended;
}

static bool
is_due (const MilterAssembly *assembly, guint end, guint64 seq, guint64 ack)
{
  return seq <= assembly->sides[end].next && is_answer_in_order (assembly, end, ack);
}

static bool
give_held (MilterAssembly *assembly, guint end)
{
  MilterAssemblySide *side = &assembly->sides[end];
  bool any = false;

  while (side->held != NULL && is_due (assembly, end, side->held->seq, side->held->ack))
    {
      g_autofree MilterHeldSegment *held = take_held (assembly, side);
      Piece piece = {
        .end = end,
        .seq = held->seq,
        .length = held->length,
        .data = milter_bytes (held->data, held->captured),
        .flags = held->flags,
        .moment = held->moment,
      };

      give (assembly, &piece);
      any = true;
    }
  return any;
}

static bool
holds_any (const MilterAssembly *assembly)
{
  return assembly->sides[0].held != NULL || assembly->sides[1].held != NULL;
}

static void
give_all_held (MilterAssembly *assembly)
{
  bool any = true;

  while (any && holds_any (assembly))
    {
      any = give_held (assembly, 0);
      any = give_held (assembly, 1) || any;
    }
}

/* --- holes --------------------------------------------------------------------------------------- */

/* The receiver has told that it has bytes which we have not. One byte may be the number of a FIN. */
static bool
is_proven (const MilterAssembly *assembly)
{
  for (guint end = 0; end < 2; end++)
    {
      const MilterAssemblySide *side = &assembly->sides[end];

      if (side->known && !side->ended && side->acked > side->next)
        return true;
    }
  return false;
}

static void
jump (MilterAssembly *assembly, guint end, guint64 to, const MilterCaptureMoment *moment)
{
  MilterAssemblySide *side = &assembly->sides[end];
  gint64 size = (gint64) (to - side->next);

  side->next = to;
  assembly->events->hole (assembly->owner, end, size, moment);
}

/* The held segment that was captured first: what it waits for is what is missing. */
static guint
find_oldest (const MilterAssembly *assembly)
{
  const MilterHeldSegment *one = assembly->sides[0].held, *other = assembly->sides[1].held;

  if (one == NULL || other == NULL)
    return one == NULL;
  return other->moment.frame < one->moment.frame;
}

/* What the other side lacks, up to what this segment acknowledges or to what that side has held. */
static void
give_up_answered (MilterAssembly *assembly, guint end, MilterHeldSegment *held)
{
  MilterAssemblySide *other = &assembly->sides[!end];
  guint64 to = held->ack;

  if (other->held != NULL && other->held->seq < to)
    to = other->held->seq;
  if (to <= other->next)
    /* each waits for the other, which no receiver does: numbers are damaged */
    held->ack = 0;
  else if (to == other->next + 1 && other->held == NULL)
    /* the number of a FIN that was not captured, as far as we know */
    other->next = to;
  else
    jump (assembly, !end, to, &held->moment);
}

/* Declares one hole, so that something can come out. */
static void
give_up (MilterAssembly *assembly)
{
  guint end = find_oldest (assembly);
  MilterAssemblySide *side = &assembly->sides[end];

  if (side->held->seq > side->next)
    jump (assembly, end, side->held->seq, &side->held->moment);
  else
    give_up_answered (assembly, end, side->held);
  assembly->waited = 0;
  give_all_held (assembly);
}

static bool
is_too_much (const MilterAssembly *assembly)
{
  for (guint end = 0; end < 2; end++)
    if (assembly->sides[end].n_held > MILTER_ASSEMBLY_MAX_SEGMENTS
        || assembly->sides[end].held_size > MILTER_ASSEMBLY_MAX_HELD)
      return true;
  return holds_any (assembly) && *assembly->total > MILTER_ASSEMBLY_MAX_TOTAL;
}

static void
judge_patience (MilterAssembly *assembly)
{
  if (is_proven (assembly))
    assembly->waited++;
  else
    assembly->waited = 0;
  if (assembly->waited > MILTER_ASSEMBLY_PATIENCE)
    give_up (assembly);
  while (is_too_much (assembly))
    give_up (assembly);
}

/* --- segments ------------------------------------------------------------------------------------ */

/* a number of 32 bits, counted on: the one that is nearest to @near */
static guint64
count_on (guint64 near, guint32 number)
{
  return near + (guint64) (gint64) (gint32) (number - (guint32) near);
}

static bool
is_near (guint64 a, guint64 b)
{
  return (a > b ? a - b : b - a) <= MILTER_ASSEMBLY_WINDOW;
}

/* A segment far outside: a damaged number, unless the next one goes on behind it. Then so much was
 * lost that nobody can tell how much. */
static bool
take_stray (MilterAssembly *assembly, const MilterSegment *segment, const MilterCaptureMoment *moment)
{
  MilterAssemblySide *side = &assembly->sides[segment->end];
  bool goes_on = side->has_stray && side->stray == segment->seq && segment->length > 0;

  side->has_stray = true;
  side->stray = segment->seq + (guint32) segment->length;
  if (!goes_on)
    return false;
  while (side->held != NULL)
    g_free (take_held (assembly, side));
  /* never back: what waits on the other side counts on */
  side->next += segment->seq - (guint32) side->next;
  side->acked = side->next;
  assembly->events->hole (assembly->owner, segment->end, MILTER_HOLE_UNKNOWN, moment);
  return true;
}

/* what the segment tells of the other side; returns the number that it acknowledges, 0: none */
static guint64
take_ack (MilterAssembly *assembly, const MilterSegment *segment)
{
  MilterAssemblySide *other = &assembly->sides[!segment->end];
  guint64 ack;

  if (!(segment->flags & MILTER_TCP_ACK))
    return 0;
  if (!other->known)
    {
      other->known = true;
      other->next = other->acked = BASE + segment->ack;
    }
  ack = count_on (other->next, segment->ack);
  if (!is_near (ack, other->next))
    return 0;
  other->acked = MAX (other->acked, ack);
  return ack;
}

/* What resets is not always numbered well, and what it carries is no part of the stream (RFC 1122,
 * 4.2.2.12). */
static void
take_reset (const MilterAssemblySide *side, Piece *piece)
{
  guint64 latest = side->ended ? side->next : MAX (side->next, side->acked);

  piece->seq = MIN (piece->seq, latest);
  piece->length = 0;
  piece->data.size = 0;
}

/* What nearly every segment is: the next one of its side, whole, which acknowledges nothing that has
 * not come out, while nothing is held. False: the long way finds out. */
static inline bool
take_plain (MilterAssembly *assembly, const MilterSegment *segment, const MilterCaptureMoment *moment)
{
  MilterAssemblySide *side = &assembly->sides[segment->end];
  MilterAssemblySide *other = &assembly->sides[!segment->end];
  guint32 behind = (guint32) other->next - segment->ack; /* bytes that are not acknowledged */
  guint64 ack = other->next - behind;

  if ((segment->flags & (MILTER_TCP_SYN | MILTER_TCP_FIN | MILTER_TCP_RST | MILTER_TCP_ACK))
          != MILTER_TCP_ACK
      || !side->known || !other->known || side->ended || segment->seq != (guint32) side->next
      || behind > MILTER_ASSEMBLY_WINDOW || segment->data.size != segment->length
      || holds_any (assembly))
    return false;
  if (ack > other->acked)
    other->acked = ack;
  if (segment->length > 0)
    {
      side->next += segment->length;
      assembly->events->bytes (
          assembly->owner, segment->end, segment->data, /* begins= */ true, moment);
    }
  return true;
}

/* apart, so that a plain segment does not pay for its registers */
G_NO_INLINE static void
take_any (MilterAssembly *assembly, const MilterSegment *segment, const MilterCaptureMoment *moment)
{
  MilterAssemblySide *side = &assembly->sides[segment->end];
  guint32 first = segment->seq + ((segment->flags & MILTER_TCP_SYN) != 0);
  bool is_content
      = segment->length > 0 || (segment->flags & (MILTER_TCP_FIN | MILTER_TCP_RST)) != 0;
  Piece piece;

  if (!side->known)
    {
      side->known = true;
      side->next = side->acked = BASE + first;
    }
  piece = (Piece){
    .end = segment->end,
    .seq = count_on (side->next, first),
    .ack = take_ack (assembly, segment),
    .length = segment->length,
    .data = segment->data,
    .flags = segment->flags,
    .moment = *moment,
  };
  is_content = is_content && (!side->ended || segment->flags & MILTER_TCP_RST);
  if (is_content && !is_near (piece.seq, side->next) && !(segment->flags & MILTER_TCP_RST))
    {
      if (!take_stray (assembly, segment, moment))
        return;
      piece.seq = side->next;
    }
  if (is_content)
    {
      if (segment->flags & MILTER_TCP_RST)
        take_reset (side, &piece);
      if (is_due (assembly, piece.end, piece.seq, piece.ack))
        give (assembly, &piece);
      else
        hold (assembly, &piece);
    }
  if (G_UNLIKELY (holds_any (assembly)))
    {
      give_all_held (assembly);
      if (holds_any (assembly))
        judge_patience (assembly);
    }
}

void
milter_assembly_take (MilterAssembly *assembly,
                      const MilterSegment *segment,
                      const MilterCaptureMoment *moment)
{
  if (G_UNLIKELY (!take_plain (assembly, segment, moment)))
    take_any (assembly, segment, moment);
}

void
milter_assembly_finish (MilterAssembly *assembly, const MilterCaptureMoment *moment)
{
  while (holds_any (assembly))
    give_up (assembly);
  /* acknowledged, and never seen; one byte may have been a FIN */
  for (guint end = 0; end < 2; end++)
    {
      MilterAssemblySide *side = &assembly->sides[end];

      if (side->known && !side->ended && side->acked > side->next + 1)
        jump (assembly, end, side->acked, moment);
    }
}
