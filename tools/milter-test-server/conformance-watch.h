/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-watch.h: what a milter that we started holds: open files and memory.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct
{
  guint files;    /* descriptors that are open */
  guint64 memory; /* bytes that are resident */
} ConformanceHeld;

/* Of a process, and of those that belong to its session: false: it is not there, or may not be looked
 * at. */
bool conformance_watch_measure (int pid, ConformanceHeld *held);
/* What a milter may keep after its sessions are over: no more files, and little more memory (transfer
 * full) (nullable) a sentence that says what has grown too much */
char *conformance_watch_compare (const ConformanceHeld *before, const ConformanceHeld *after);

G_END_DECLS
