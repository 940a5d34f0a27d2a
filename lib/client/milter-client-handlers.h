/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-handlers.h: handlers as a const table of functions, the fast shape.
 *
 * A signal emission costs some thousand instructions, a call through this table a few. Both may be
 * used together: handlers connected with g_signal_connect() run first, then the function of the
 * table, then the class function of a subclass, each as long as the status before it passes.
 */
#pragma once

#include <milter/core.h>
#include <sys/socket.h>

#include "milter-client-enums.h"

G_BEGIN_DECLS

typedef struct _MilterClient MilterClient;
typedef struct _MilterClientContext MilterClientContext;

/**
 * MilterClientHandlers:
 * @negotiate: the MTA's offer; edit @option and return %MILTER_STATUS_CONTINUE, or return
 *   %MILTER_STATUS_ALL_OPTIONS, which passes over edits; steps that are not edited ask only for
 *   events that have a handler
 * @connect: an SMTP client has connected; @address is %NULL if the MTA does not know it
 * @helo: HELO or EHLO
 * @envelope_from: MAIL: the sender with its brackets
 * @envelope_recipient: RCPT: one recipient
 * @data: DATA
 * @unknown: a command line that the MTA does not know
 * @header: one header field
 * @end_of_header: the header is complete
 * @body: a piece of the body, any bytes
 * @end_of_message: the message is complete; @chunk may hold a last piece of the body
 * @abort: the message is cancelled; the status counts for nothing
 *
 * Functions for the events of a connection; %NULL where there is none. The table is not copied and
 * must stay valid; a `static const` one is best. Strings and chunks are valid during the call.
 */
typedef struct
{
  MilterStatus (*negotiate) (MilterClientContext *context,
                             MilterOption *option,
                             MilterMacrosRequests *requests,
                             gpointer user_data);
  MilterStatus (*connect) (MilterClientContext *context,
                           const char *host_name,
                           struct sockaddr *address,
                           socklen_t address_length,
                           gpointer user_data);
  MilterStatus (*helo) (MilterClientContext *context, const char *fqdn, gpointer user_data);
  MilterStatus (*envelope_from) (MilterClientContext *context,
                                 const char *from,
                                 gpointer user_data);
  MilterStatus (*envelope_recipient) (MilterClientContext *context,
                                      const char *recipient,
                                      gpointer user_data);
  MilterStatus (*data) (MilterClientContext *context, gpointer user_data);
  MilterStatus (*unknown) (MilterClientContext *context, const char *command, gpointer user_data);
  MilterStatus (*header) (MilterClientContext *context,
                          const char *name,
                          const char *value,
                          gpointer user_data);
  MilterStatus (*end_of_header) (MilterClientContext *context, gpointer user_data);
  MilterStatus (*body) (MilterClientContext *context,
                        const char *chunk,
                        gsize size,
                        gpointer user_data);
  MilterStatus (*end_of_message) (MilterClientContext *context,
                                  const char *chunk,
                                  gsize size,
                                  gpointer user_data);
  MilterStatus (*abort) (MilterClientContext *context,
                         MilterClientContextState state,
                         gpointer user_data);

  /*< private >*/
  gpointer padding[4];
} MilterClientHandlers;

G_END_DECLS
