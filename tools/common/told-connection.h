/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * told-connection.h: a connection that is told to a sink by its bytes, as a capture's is.
 *
 * Both sides are cut into frames as the streams of a capture are, so that what comes out is what its
 * receiver would have made of it.
 */
#pragma once

#include "milter-capture-frames.h"
#include "milter-capture-reader.h"

G_BEGIN_DECLS

/* where connections are told to; all unowned */
typedef struct
{
  const MilterCaptureSink *sink;
  gpointer data;
  MilterCaptureReader *reader; /* gives them their numbers */
  guint n_connections;
} TellingTo;

typedef struct
{
  TellingTo *to;      /* unowned */
  guint number;       /* 0: not told yet */
  MilterFrames frames[2]; /* by side */
  bool has_hole[2];
} ToldConnection;

void told_connection_init (ToldConnection *connection, TellingTo *to);
void told_connection_clear (ToldConnection *connection);

/* (transfer container): the keys of a table by number of connection, in order */
GList *told_connection_list_numbers (GHashTable *by_number);

/* Does nothing if it has been told. @wanted: the number that it would like, or 0 */
void told_connection_open (ToldConnection *connection,
                           guint wanted,
                           const MilterCaptureOpening *opening,
                           gint64 time_ns);
void told_connection_take (ToldConnection *connection,
                           MilterSide from,
                           MilterBytes bytes,
                           const MilterCaptureMoment *moment);
/* @size, @letter: as MilterCaptureSink tells them. What follows begins a frame. */
void told_connection_lose (ToldConnection *connection,
                           MilterSide side,
                           gint64 size,
                           guint8 letter,
                           const MilterCaptureMoment *moment);
void told_connection_close (ToldConnection *connection,
                            MilterSide side,
                            bool reset,
                            const MilterCaptureMoment *moment);
/* nothing more comes, though nobody has closed it */
void told_connection_finish (ToldConnection *connection, const MilterCaptureMoment *moment);

G_END_DECLS
