/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-exit.h: what the exit status of our programs says.
 */
#pragma once

#include <glib.h>

/**
 * ToolExit:
 * @TOOL_EXIT_OK: all held
 * @TOOL_EXIT_FAILED: an expectation failed
 * @TOOL_EXIT_USAGE: wrong usage, or a scenario that cannot be read
 * @TOOL_EXIT_BROKEN: the peer could not be reached, died, was silent or broke the protocol
 * @TOOL_EXIT_SKIPPED: everything was skipped
 */
typedef enum
{
  TOOL_EXIT_OK = 0,
  TOOL_EXIT_FAILED = 1,
  TOOL_EXIT_USAGE = 2,
  TOOL_EXIT_BROKEN = 3,
  TOOL_EXIT_SKIPPED = 77
} ToolExit;

/* The worse of two: 2, then 3, then 1, then 0; skipped only if nothing was done but that. */
static inline ToolExit
tool_exit_worse (ToolExit a, ToolExit b)
{
  static const ToolExit order[]
      = { TOOL_EXIT_USAGE, TOOL_EXIT_BROKEN, TOOL_EXIT_FAILED, TOOL_EXIT_OK };

  for (gsize i = 0; i < G_N_ELEMENTS (order); i++)
    {
      if (a == order[i] || b == order[i])
        return order[i];
    }
  return TOOL_EXIT_SKIPPED;
}
