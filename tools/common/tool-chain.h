/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-chain.h: the milters of a run or of a file: where they listen, and those of them that we
 * start ourselves.
 *
 * They share a temporary folder. Nothing blocks: see tool-spawn.h.
 */
#pragma once

#include "milter-scenario.h"
#include "report.h"
#include "tool-spawn.h"

G_BEGIN_DECLS

typedef struct
{
  gint64 timeout_us; /* how long a milter may take to negotiate */
  gint64 grace_us;   /* how long it may take to end */
  bool keep;         /* the temporary folder stays */
} ToolChainOptions;

typedef struct _ToolChain ToolChain;

ToolChain *tool_chain_new (const ToolChainOptions *options);
/* kills what still runs */
void tool_chain_free (ToolChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ToolChain, tool_chain_free)

/* --- its links -------------------------------------------------------------------------------- */

/* folder() and place() of a scenario, with the temporary folder of this chain, or of @folder_of */
void tool_chain_set_host (ToolChain *chain, ToolChain *folder_of, MilterScenarioHost *host);
/* a milter that runs already */
void tool_chain_add_spec (ToolChain *chain, const char *spec);
/* one that is started: words as in a shell, with $socket, $path, $port and $dir in them */
bool tool_chain_add_command (ToolChain *chain, const char *command, GError **error);
/* `milter` and `spawn` lines */
void tool_chain_add_milters (ToolChain *chain, const GPtrArray *milters);

guint tool_chain_get_n_links (const ToolChain *chain);
const char *tool_chain_get_spec (const ToolChain *chain, guint link);
/* what reports call them: by name, else by number from 1; NULL if there is only one without a name */
const char *const *tool_chain_get_names (const ToolChain *chain);
/* for each link, whether TCP lies between */
const gboolean *tool_chain_get_over_tcp (const ToolChain *chain);
/* some milter of it is started by us */
bool tool_chain_has_commands (const ToolChain *chain);
/* the process of the first link that is started; 0: there is none, or it does not run */
int tool_chain_get_pid (const ToolChain *chain);
/* of the first link that is started, as it negotiated; NULL before that */
const ToolNegotiated *tool_chain_get_negotiated (const ToolChain *chain);

/* --- its life --------------------------------------------------------------------------------- */

/* Something has happened: what was waited for may have come. Called from the main loop, and never
 * from one of the functions here. */
typedef void (*ToolChainFunc) (ToolChain *chain, gpointer user_data);
void tool_chain_set_listener (ToolChain *chain, ToolChainFunc func, gpointer user_data);

typedef enum
{
  TOOL_CHAIN_WAIT,  /* the listener will be called */
  TOOL_CHAIN_READY,
  TOOL_CHAIN_FAILED /* a milter could not be started; it is not tried again */
} ToolChainState;

/* Has all be started that does not run, also one that has died since. */
ToolChainState tool_chain_ensure_ready (ToolChain *chain);
/* why it has failed; valid as long as the chain */
const char *tool_chain_get_failure (const ToolChain *chain);
/* Has all be ended. READY: nothing of them is left. */
ToolChainState tool_chain_ensure_stopped (ToolChain *chain);
/* the end of this connection may come from the end of its milter: wait for the listener */
bool tool_chain_is_ending (const ToolChain *chain, guint link);
/* how often a milter was started once more after it had died */
guint tool_chain_get_n_restarts (const ToolChain *chain);

/* --- what went wrong -------------------------------------------------------------------------- */

/* The number of problems so far: what comes later was seen by who asks now. */
guint tool_chain_mark_problems (ToolChain *chain);
/* The problems behind a mark, one a line; NULL: none. They count as told. (transfer full) */
char *tool_chain_get_problems (ToolChain *chain, guint mark);
/* those that nobody was told; NULL: none (transfer full) */
char *tool_chain_take_untold (ToolChain *chain);
/* how far the output of each link has come (transfer full) */
guint64 *tool_chain_mark_output (ToolChain *chain);
/* what was printed behind the marks goes to a case; marks NULL: all */
void tool_chain_add_output (ToolChain *chain, const guint64 *marks, ReportCase *report_case);
/* the last lines that they have printed; NULL: none (transfer full) */
char *tool_chain_get_last_lines (ToolChain *chain, guint n);
/* notes of the links, and where the temporary folder was kept; NULL: nothing (transfer full) */
char *tool_chain_take_notes (ToolChain *chain);

G_END_DECLS
