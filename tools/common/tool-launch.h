/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-launch.h: the process of a milter: how it is started, and how it is woken.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tool-sanitizer.h"

G_BEGIN_DECLS

/* what a milter that we start finds in its environment, besides TOOL_GUARD_VARIABLE */
#define TOOL_LAUNCH_SOCKET "MILTERLAB_SOCKET"

typedef struct
{
  const char *const *argv;
  const char *folder;             /* where it is started */
  const char *dir;                /* its temporary folder */
  const char *spec;               /* where it will listen */
  const ToolSanitizer *sanitizer; /* where reports of sanitizers shall be written */
} ToolLaunch;

typedef struct
{
  pid_t pid;
  int output_fd; /* what it prints, on both streams; reading does not block */
  int exit_fd;   /* can be read when it has ended, and can be waited for */
} ToolLaunched;

/* Starts it in a session and a process group of its own, with an empty standard input. The error is a
 * sentence. */
bool tool_launch (const ToolLaunch *launch, ToolLaunched *launched, GError **error);
/* Takes away the socket that a milter has left behind when it died: libmilter, as most, does not start
 * where one is. */
void tool_launch_clear_place (const char *spec);
/* Connects to where a milter listens on this machine, and closes: an event for its listener. */
void tool_knock (const char *spec);

G_END_DECLS
