/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read-scenario.c: what is text, and no trace.
 */
#include "read-scenario.h"

#include "tool-console.h"

ToolExit
read_scenario (MilterCaptureInput *input, const char *path, TellingTo *to)
{
  tool_error ("%s: the file is no capture and no trace", path);
  return TOOL_EXIT_USAGE;
}
