/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tell-ready.h: tells that the milter listens, and where.
 */
#pragma once

#include "test-client-options.h"

G_BEGIN_DECLS

/* `listening on SPEC` on the standard output, in the form of what is printed there; and to --ready-fd.
 * Connections are taken from now on. */
void tell_ready (const TestClientOptions *options, const struct sockaddr *address);

G_END_DECLS
