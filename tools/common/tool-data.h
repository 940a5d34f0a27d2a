/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-data.h: files that come with the programs.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where @name, as `conformance/milter`, lies: in the sources of a program that runs from its build
 * folder, else where it was installed. It need not exist. (transfer full) */
char *tool_data_find (const char *name);

G_END_DECLS
