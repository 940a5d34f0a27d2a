/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-io-waiting.h: lets a main context wait in the poller itself.
 *
 * GLib waits for the poller's descriptor, and the poller is then asked what is ready: two calls for
 * each wakening, and the first one is woken by way of two queues. A context that has no descriptors
 * but the poller's and those that were there when this began can wait in the poller, which brings
 * what is ready at once. With any other descriptor, one of a program's own source, it waits as GLib
 * does: such a one may be closed and opened again under its number, which only GLib's way notices.
 */
#pragma once

#include "milter-io-poller.h"

/* In the thread that iterates the context, which has one of these. All sources that were attached
 * so far keep their descriptors until the end. Where that is not possible, all stays as it was. */
void milter_io_waiting_begin (MilterIoPoller *poller, GMainContext *context);
void milter_io_waiting_end (MilterIoPoller *poller, GMainContext *context);
