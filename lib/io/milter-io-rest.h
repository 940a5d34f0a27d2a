/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-rest.h: bytes that were read and not consumed, until more have come.
 *
 * A small rest is copied back before the new bytes in the loop's buffer. A large one (a frame of
 * 1 MiB comes in pieces) stays where it is and is added to, else it would be copied with each
 * piece. An empty one holds no memory.
 */
#pragma once

#include <glib.h>

/* zero-initialised */
typedef struct
{
  guint8 *data;
  gsize size;
  gsize room;
} MilterIoRest;

/* where to read to: the bytes kept come first there, once milter_io_rest_join() was called. buffer:
 * the loop's; free: how much may be read behind the bytes kept */
guint8 *milter_io_rest_place (MilterIoRest *rest, guint8 *buffer, gsize *free);
/* something was read; the whole begins at @place, which is what _place() returned */
void milter_io_rest_join (MilterIoRest *rest, guint8 *place);
/* @data, inside what was joined, is what is left; with a size of 0 nothing is */
void milter_io_rest_keep (MilterIoRest *rest, const guint8 *data, gsize size);
void milter_io_rest_clear (MilterIoRest *rest);
