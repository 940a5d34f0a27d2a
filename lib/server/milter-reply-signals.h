/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-reply-signals.h: the signals that tell what a milter answered.
 */
#pragma once

#include <glib-object.h>

#include "milter-macros-requests.h"
#include "milter-option.h"

G_BEGIN_DECLS

#define MILTER_TYPE_REPLY_SIGNALS (milter_reply_signals_get_type ())
/**
 * MilterReplySignals:
 *
 * Signals that tell what a milter answered, one for each reply of the protocol.
 */
MILTER_AVAILABLE
G_DECLARE_INTERFACE (MilterReplySignals, milter_reply_signals, MILTER, REPLY_SIGNALS, GObject)

/**
 * MilterReplySignalsInterface:
 *
 * A function for every reply signal, run after the handlers. Strings and data are valid during
 * the call.
 */
struct _MilterReplySignalsInterface
{
  GTypeInterface parent_iface;

  void (*negotiate_reply) (MilterReplySignals *reply,
                           MilterOption *option,
                           MilterMacrosRequests *macros_requests);
  void (*continue_reply) (MilterReplySignals *reply);
  void (*reply_code) (MilterReplySignals *reply,
                      guint code,
                      const char *extended_code,
                      const char *message);
  void (*temporary_failure) (MilterReplySignals *reply);
  void (*reject) (MilterReplySignals *reply);
  void (*accept) (MilterReplySignals *reply);
  void (*discard) (MilterReplySignals *reply);
  void (*add_header) (MilterReplySignals *reply, const char *name, const char *value);
  void (*insert_header) (MilterReplySignals *reply,
                         guint index,
                         const char *name,
                         const char *value);
  void (*change_header) (MilterReplySignals *reply,
                         const char *name,
                         guint index,
                         const char *value);
  void (*delete_header) (MilterReplySignals *reply, const char *name, guint index);
  void (*change_from) (MilterReplySignals *reply, const char *from, const char *parameters);
  void (*add_recipient) (MilterReplySignals *reply, const char *recipient, const char *parameters);
  void (*delete_recipient) (MilterReplySignals *reply, const char *recipient);
  void (*replace_body) (MilterReplySignals *reply, const char *body, gsize size);
  void (*progress) (MilterReplySignals *reply);
  void (*quarantine) (MilterReplySignals *reply, const char *reason);
  void (*connection_failure) (MilterReplySignals *reply);
  void (*shutdown) (MilterReplySignals *reply);
  void (*skip) (MilterReplySignals *reply);
  void (*abort) (MilterReplySignals *reply);
};

G_END_DECLS
