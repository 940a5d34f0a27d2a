/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open-report.h: the reports that the command line asks for.
 */
#pragma once

#include "report.h"
#include "server-options.h"

G_BEGIN_DECLS

/* Opens the files of --report. NULL: one cannot be written, which has been told. */
Report *open_report (const ServerOptions *options);
/* Adds what people read of a run with scenarios, as -v, -q and --color ask for. */
void open_report_add_text (Report *report, const ServerOptions *options);

G_END_DECLS
