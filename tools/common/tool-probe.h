/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-probe.h: whether a milter is ready: it negotiates.
 *
 * A listening socket says little: it may be the backlog of a program that is still reading its
 * configuration, or another program's. So a real offer is sent, the answer read, and QUIT.
 */
#pragma once

#include "milter-flags.h"
#include "milter-message.h"

G_BEGIN_DECLS

/* what a milter answered to the largest offer */
typedef struct
{
  MilterOffer answer;
  GBytes *symbols; /* the lists of macros that it asked for, as on the wire */
} ToolNegotiated;

/* why a probe has ended without an answer */
typedef enum
{
  TOOL_PROBE_ERROR_NOT_YET, /* the time is over; the message tells the last obstacle */
  TOOL_PROBE_ERROR_NO_MILTER /* what answered is none; waiting longer is of no use */
} ToolProbeError;

#define TOOL_PROBE_ERROR (tool_probe_error_quark ())
GQuark tool_probe_error_quark (void);

typedef struct _ToolProbe ToolProbe;

/* @negotiated: (nullable) valid during the call; else @error. The probe is over, and may be freed. */
typedef void (*ToolProbeDone) (const ToolNegotiated *negotiated,
                               const GError *error,
                               gpointer user_data);

/* Tries until @deadline_us (monotonic), in the default main context; done is not called from here. */
ToolProbe *
tool_probe_new (const char *spec, gint64 deadline_us, ToolProbeDone done, gpointer user_data);
void tool_probe_free (ToolProbe *probe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolProbe, tool_probe_free)

G_END_DECLS
