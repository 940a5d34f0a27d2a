/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-report.h: the verdict on the MTA, as --report asks for it, and for people.
 */
#pragma once

#include "report.h"
#include "test-client-options.h"

G_BEGIN_DECLS

/* Opens the files of --report. NULL: one cannot be written, which has been told. */
Report *client_report_open (const TestClientOptions *options);
/* All cases are told: completes the files. Returns what they amount to. */
ToolExit client_report_close (Report *report);

G_END_DECLS
