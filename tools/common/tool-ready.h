/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-ready.h: `--ready-fd N`: a program that listens tells the one that has started it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* the value of the option: the number of a descriptor that is open */
bool tool_ready_parse_fd (const char *name, const char *value, int *fd, GError **error);
/* Writes the spec and a line end, and closes the descriptor unless it is a standard one; -1: there is
 * none. */
void tool_ready_write (int fd, const char *spec);

G_END_DECLS
