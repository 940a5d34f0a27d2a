/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-assembly.h: the two streams of a TCP connection, put in order from its segments.
 *
 * In order by the sequence numbers of a side, and between the sides by what they acknowledge: nobody
 * answers what he has not received, so that a reply never comes out before its command, however the
 * packets were captured. What is missing is waited for, in bounded memory, until it is clear that it
 * will not come: then it is a hole.
 */
#pragma once

#include <stdbool.h>

#include "milter-capture-segment.h"

G_BEGIN_DECLS

/* what one side may have waiting behind a gap, and in how many segments */
#define MILTER_ASSEMBLY_MAX_HELD     ((gsize) 1 << 20)
#define MILTER_ASSEMBLY_MAX_SEGMENTS 512u
/* … and all connections together */
#define MILTER_ASSEMBLY_MAX_TOTAL    ((gsize) 8 << 20)
/* segments of the connection that may still come before bytes that their receiver has acknowledged: so
 * much the queues of a network card change the order */
#define MILTER_ASSEMBLY_PATIENCE     64u
/* nobody sends so far ahead: a number beyond is damaged, or much was not captured */
#define MILTER_ASSEMBLY_WINDOW       ((guint64) 64 << 20)

/* how many bytes a hole has, if nobody knows */
#define MILTER_HOLE_UNKNOWN ((gint64) -1)

/* when something was captured: the packet, from 1, and nanoseconds since 1970 */
typedef struct
{
  guint64 frame;
  gint64 time_ns;
} MilterCaptureMoment;

/* The streams of end 0 and 1, as they come out. Nothing may be fed from here. */
typedef struct
{
  /* @begins: these are the first bytes of a segment */
  void (*bytes) (gpointer owner,
                 guint end,
                 MilterBytes bytes,
                 bool begins,
                 const MilterCaptureMoment *moment);
  /* @size bytes are missing, or MILTER_HOLE_UNKNOWN; @moment: where that was seen */
  void (*hole) (gpointer owner, guint end, gint64 size, const MilterCaptureMoment *moment);
  void (*ended) (gpointer owner, guint end, bool reset, const MilterCaptureMoment *moment);
} MilterAssemblyEvents;

typedef struct _MilterHeldSegment MilterHeldSegment;

typedef struct
{
  guint64 next;        /* the sequence number of the next byte, counted on beyond 2^32 */
  guint64 acked;       /* the other side has told that it received all before */
  bool known;          /* where its stream is */
  bool ended;
  bool has_stray;      /* a segment was far outside the window … */
  guint32 stray;       /* … the next one would begin here */
  MilterHeldSegment *held, *last; /* in order */
  guint n_held, held_size;
} MilterAssemblySide;

typedef struct
{
  const MilterAssemblyEvents *events;
  gpointer owner;      /* unowned */
  gsize *total;        /* unowned: what all connections hold */
  MilterAssemblySide sides[2];
  guint waited;        /* segments since bytes are known to be missing */
} MilterAssembly;

void milter_assembly_init (MilterAssembly *assembly,
                           const MilterAssemblyEvents *events,
                           gpointer owner,
                           gsize *total);
/* what is still held is dropped */
void milter_assembly_clear (MilterAssembly *assembly);

/* A segment that was captured; a SYN tells where its side's stream begins. */
void milter_assembly_take (MilterAssembly *assembly,
                           const MilterSegment *segment,
                           const MilterCaptureMoment *moment);
/* No more segments come: what is missing is a hole, and what was held comes out. */
void milter_assembly_finish (MilterAssembly *assembly, const MilterCaptureMoment *moment);

G_END_DECLS
