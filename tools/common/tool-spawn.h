/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-spawn.h: a milter that we start: until it negotiates, while it works, until nothing of it is left.
 *
 * Nothing here blocks: all comes as calls of the handlers, in the default main context.
 */
#pragma once

#include "tool-output.h"
#include "tool-probe.h"

G_BEGIN_DECLS

/* how long a milter may take to negotiate, and to end when it is told to, if nobody says otherwise */
#define TOOL_SPAWN_TIMEOUT_US (30 * G_TIME_SPAN_SECOND)
#define TOOL_SPAWN_GRACE_US   (6 * G_TIME_SPAN_SECOND)

typedef struct _ToolSpawn ToolSpawn;

typedef struct
{
  /* The start is over: it has negotiated; or it has not, and a sentence says why (then nothing of it
   * is left). */
  void (*started) (ToolSpawn *spawn,
                   const ToolNegotiated *negotiated,
                   const char *problem,
                   gpointer user_data);
  /* it has ended, and nobody told it to; tool_spawn_take_problem() says how */
  void (*died) (ToolSpawn *spawn, gpointer user_data);
  /* tool_spawn_stop() is done: nothing of it is left */
  void (*stopped) (ToolSpawn *spawn, gpointer user_data);
} ToolSpawnHandlers;

typedef struct
{
  const char *label;       /* (nullable) what sentences call it; else its command */
  const char *const *argv; /* without a shell; a name without a slash is looked for in PATH */
  const char *folder;      /* where it is started */
  const char *dir;         /* its temporary folder */
  const char *spec;        /* where it will listen */
  guint number;            /* of several that share a temporary folder, from 1 */
  gint64 timeout_us;       /* for the negotiation */
  gint64 grace_us;         /* between SIGTERM and SIGKILL */
} ToolSpawnConfig;

/* The config is copied. */
ToolSpawn *tool_spawn_new (const ToolSpawnConfig *config,
                           const ToolSpawnHandlers *handlers,
                           gpointer user_data);
/* What still runs is killed. Not in a handler of its own. */
void tool_spawn_free (ToolSpawn *spawn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolSpawn, tool_spawn_free)

/* also once more, when it has ended */
void tool_spawn_start (ToolSpawn *spawn);
/* SIGTERM to its process group, SIGKILL after the grace time. If it runs no longer, `stopped` comes
 * soon all the same. */
void tool_spawn_stop (ToolSpawn *spawn);

/* of its first process; 0: nothing of it runs */
int tool_spawn_get_pid (const ToolSpawn *spawn);
/* it has negotiated and was not seen to end */
gboolean tool_spawn_is_ready (const ToolSpawn *spawn);
/* nothing of it runs: it was not started, or has ended */
gboolean tool_spawn_is_over (const ToolSpawn *spawn);
/* It was ready and is about to end, as a connection that is closed may tell: `died` will come. */
gboolean tool_spawn_is_ending (const ToolSpawn *spawn);
/* What has gone wrong since it was last asked for, one sentence a line: that it died, what a
 * sanitizer reported. NULL: nothing. (transfer full) */
char *tool_spawn_take_problem (ToolSpawn *spawn);
/* It did what it should, but in a way that should be known; NULL: no. (transfer full) */
char *tool_spawn_take_note (ToolSpawn *spawn);
/* its temporary folder holds something that somebody will want to read */
gboolean tool_spawn_has_evidence (const ToolSpawn *spawn);
/* what it and its helpers have printed, up to now */
ToolOutput *tool_spawn_get_output (ToolSpawn *spawn);

G_END_DECLS
