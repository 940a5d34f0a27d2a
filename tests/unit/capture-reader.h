/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture-reader.h: for tests: the byte streams of the milter connections in a pcap or pcapng file.
 */
#pragma once

#include <milter/core.h>

/* what one connection carried, up to the first byte that is missing in the capture */
typedef struct
{
  GByteArray *from[2]; /* by MilterSide */
} CaptureConnection;

/* Reads a capture. Returns (transfer full) an array of CaptureConnection in the order of their
 * first packets; NULL with @error if the file cannot be read or is no capture. */
GPtrArray *capture_read (const char *path, GError **error);
