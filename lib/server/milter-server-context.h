/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-server-context.h: one connection to a milter, seen from the MTA.
 *
 * A context is told what the SMTP client said (commands), sends it to the milter with the macros
 * that belong to it, and tells what came back (signals). It lives in the thread-default main
 * context of the thread that connects it.
 */
#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

#include "milter-message-result.h"
#include "milter-option.h"
#include "milter-protocol-agent.h"
#include "milter-reply-signals.h"

G_BEGIN_DECLS

/**
 * MilterServerContextError:
 * @MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE: the milter could not be reached
 * @MILTER_SERVER_CONTEXT_ERROR_NO_SPEC: nobody said where it listens
 * @MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE: a command or a reply that is not legal now
 * @MILTER_SERVER_CONTEXT_ERROR_BUSY: a command while the reply to the last one is due
 * @MILTER_SERVER_CONTEXT_ERROR_IO_ERROR: the connection broke, or the milter closed it
 * @MILTER_SERVER_CONTEXT_ERROR_NEWER_VERSION_REQUESTED: the milter wants a higher version than
 *   was offered
 * @MILTER_SERVER_CONTEXT_ERROR_PROTOCOL: bytes that are no frame, or a malformed one
 *
 * Causes, in the domain %MILTER_SERVER_CONTEXT_ERROR.
 */
typedef enum
{
  MILTER_SERVER_CONTEXT_ERROR_CONNECTION_FAILURE,
  MILTER_SERVER_CONTEXT_ERROR_NO_SPEC,
  MILTER_SERVER_CONTEXT_ERROR_INVALID_STATE,
  MILTER_SERVER_CONTEXT_ERROR_BUSY,
  MILTER_SERVER_CONTEXT_ERROR_IO_ERROR,
  MILTER_SERVER_CONTEXT_ERROR_NEWER_VERSION_REQUESTED,
  MILTER_SERVER_CONTEXT_ERROR_PROTOCOL
} MilterServerContextError;

#define MILTER_SERVER_CONTEXT_ERROR (milter_server_context_error_quark ())
MILTER_AVAILABLE GQuark milter_server_context_error_quark (void);

/**
 * MilterServerContextState:
 * @MILTER_SERVER_CONTEXT_STATE_INVALID: no state; never seen
 * @MILTER_SERVER_CONTEXT_STATE_START: nothing yet
 * @MILTER_SERVER_CONTEXT_STATE_DEFINE_MACRO: macros were sent
 * @MILTER_SERVER_CONTEXT_STATE_NEGOTIATE: the offer (OPTNEG) was sent
 * @MILTER_SERVER_CONTEXT_STATE_CONNECT: CONNECT was sent
 * @MILTER_SERVER_CONTEXT_STATE_HELO: HELO was sent
 * @MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM: MAIL was sent
 * @MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT: RCPT was sent
 * @MILTER_SERVER_CONTEXT_STATE_DATA: DATA was sent
 * @MILTER_SERVER_CONTEXT_STATE_UNKNOWN: a command that the MTA does not know was sent
 * @MILTER_SERVER_CONTEXT_STATE_HEADER: a header field was sent
 * @MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER: the end of the header was sent
 * @MILTER_SERVER_CONTEXT_STATE_BODY: a piece of the body was sent
 * @MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE: the end of the message was sent
 * @MILTER_SERVER_CONTEXT_STATE_QUIT: QUIT was sent
 * @MILTER_SERVER_CONTEXT_STATE_ABORT: ABORT was sent
 *
 * The last thing that was sent (%MILTER_SERVER_CONTEXT_STATE_START: nothing yet).
 */
typedef enum
{
  MILTER_SERVER_CONTEXT_STATE_INVALID,
  MILTER_SERVER_CONTEXT_STATE_START,
  MILTER_SERVER_CONTEXT_STATE_DEFINE_MACRO,
  MILTER_SERVER_CONTEXT_STATE_NEGOTIATE,
  MILTER_SERVER_CONTEXT_STATE_CONNECT,
  MILTER_SERVER_CONTEXT_STATE_HELO,
  MILTER_SERVER_CONTEXT_STATE_ENVELOPE_FROM,
  MILTER_SERVER_CONTEXT_STATE_ENVELOPE_RECIPIENT,
  MILTER_SERVER_CONTEXT_STATE_DATA,
  MILTER_SERVER_CONTEXT_STATE_UNKNOWN,
  MILTER_SERVER_CONTEXT_STATE_HEADER,
  MILTER_SERVER_CONTEXT_STATE_END_OF_HEADER,
  MILTER_SERVER_CONTEXT_STATE_BODY,
  MILTER_SERVER_CONTEXT_STATE_END_OF_MESSAGE,
  MILTER_SERVER_CONTEXT_STATE_QUIT,
  MILTER_SERVER_CONTEXT_STATE_ABORT
} MilterServerContextState;

/**
 * MILTER_SERVER_CONTEXT_DEFAULT_CONNECTION_TIMEOUT:
 *
 * Seconds until the milter must be connected; 0 would be for ever.
 */
#define MILTER_SERVER_CONTEXT_DEFAULT_CONNECTION_TIMEOUT     300.0
/**
 * MILTER_SERVER_CONTEXT_DEFAULT_WRITING_TIMEOUT:
 *
 * Seconds in which it must take a command; 0 would be for ever.
 */
#define MILTER_SERVER_CONTEXT_DEFAULT_WRITING_TIMEOUT        10.0
/**
 * MILTER_SERVER_CONTEXT_DEFAULT_READING_TIMEOUT:
 *
 * Seconds in which it must answer one; 0 would be for ever.
 */
#define MILTER_SERVER_CONTEXT_DEFAULT_READING_TIMEOUT        10.0
/**
 * MILTER_SERVER_CONTEXT_DEFAULT_END_OF_MESSAGE_TIMEOUT:
 *
 * Seconds in which it must answer the end of a message, or tell progress; 0 would be for ever.
 */
#define MILTER_SERVER_CONTEXT_DEFAULT_END_OF_MESSAGE_TIMEOUT 300.0

#define MILTER_TYPE_SERVER_CONTEXT (milter_server_context_get_type ())
/**
 * MilterServerContext:
 *
 * One connection to a milter, seen from the MTA.
 *
 * A context is told what the SMTP client said (commands), sends it to the milter with the macros
 * that belong to it, and tells what came back (signals of [iface@ReplySignals]). It lives in the
 * thread-default main context of the thread that connects it.
 */
MILTER_AVAILABLE
G_DECLARE_DERIVABLE_TYPE (MilterServerContext,
                          milter_server_context,
                          MILTER,
                          SERVER_CONTEXT,
                          MilterProtocolAgent)

/**
 * MilterServerContextClass:
 *
 * A class function for every signal that is not a reply; the replies have theirs in
 * #MilterReplySignalsInterface.
 */
struct _MilterServerContextClass
{
  MilterProtocolAgentClass parent_class;

  void (*ready) (MilterServerContext *context);
  void (*stopped) (MilterServerContext *context);
  void (*connection_timeout) (MilterServerContext *context);
  void (*writing_timeout) (MilterServerContext *context);
  void (*reading_timeout) (MilterServerContext *context);
  void (*end_of_message_timeout) (MilterServerContext *context);
  void (*message_processed) (MilterServerContext *context, MilterMessageResult *result);
  void (*state_transited) (MilterServerContext *context, MilterServerContextState state);
  void (*error) (MilterServerContext *context, GError *error);
  void (*finished) (MilterServerContext *context);
  gboolean (*stop_on_connect) (MilterServerContext *context,
                               const char *host_name,
                               struct sockaddr *address,
                               guint address_length);
  gboolean (*stop_on_helo) (MilterServerContext *context, const char *fqdn);
  gboolean (*stop_on_envelope_from) (MilterServerContext *context, const char *from);
  gboolean (*stop_on_envelope_recipient) (MilterServerContext *context, const char *recipient);
  gboolean (*stop_on_data) (MilterServerContext *context);
  gboolean (*stop_on_header) (MilterServerContext *context, const char *name, const char *value);
  gboolean (*stop_on_end_of_header) (MilterServerContext *context);
  gboolean (*stop_on_body) (MilterServerContext *context, const char *chunk, gsize size);
  gboolean (*stop_on_end_of_message) (MilterServerContext *context, const char *chunk, gsize size);
};

MILTER_AVAILABLE MilterServerContext *milter_server_context_new (void);

MILTER_AVAILABLE void
milter_server_context_set_connection_timeout (MilterServerContext *context, gdouble timeout);
MILTER_AVAILABLE void
milter_server_context_set_writing_timeout (MilterServerContext *context, gdouble timeout);
MILTER_AVAILABLE void
milter_server_context_set_reading_timeout (MilterServerContext *context, gdouble timeout);
MILTER_AVAILABLE void
milter_server_context_set_end_of_message_timeout (MilterServerContext *context, gdouble timeout);
MILTER_AVAILABLE void
milter_server_context_set_all_timeouts (MilterServerContext *context, gdouble timeout);

MILTER_AVAILABLE gboolean milter_server_context_set_connection_spec (MilterServerContext *context,
                                                                     const char *spec,
                                                                     GError **error);
MILTER_AVAILABLE gboolean milter_server_context_establish_connection (MilterServerContext *context,
                                                                      GError **error);

MILTER_AVAILABLE MilterStatus milter_server_context_get_status (MilterServerContext *context);
MILTER_AVAILABLE void
milter_server_context_set_status (MilterServerContext *context, MilterStatus status);
MILTER_AVAILABLE MilterServerContextState
milter_server_context_get_state (MilterServerContext *context);
MILTER_AVAILABLE void
milter_server_context_set_state (MilterServerContext *context, MilterServerContextState state);
MILTER_AVAILABLE MilterServerContextState
milter_server_context_get_last_state (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_is_processing (MilterServerContext *context);

MILTER_AVAILABLE gboolean milter_server_context_negotiate (MilterServerContext *context,
                                                           MilterOption *option);
MILTER_AVAILABLE gboolean milter_server_context_connect (MilterServerContext *context,
                                                         const char *host_name,
                                                         struct sockaddr *address,
                                                         socklen_t address_length);
MILTER_AVAILABLE gboolean
milter_server_context_connect_address (MilterServerContext *context,
                                       const char *host_name,
                                       GSocketAddress *address);
MILTER_AVAILABLE gboolean milter_server_context_helo (MilterServerContext *context,
                                                      const char *fqdn);
MILTER_AVAILABLE gboolean milter_server_context_envelope_from (MilterServerContext *context,
                                                               const char *from);
MILTER_AVAILABLE gboolean milter_server_context_envelope_recipient (MilterServerContext *context,
                                                                    const char *recipient);
MILTER_AVAILABLE gboolean milter_server_context_data (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_unknown (MilterServerContext *context,
                                                         const char *command);
MILTER_AVAILABLE gboolean milter_server_context_header (MilterServerContext *context,
                                                        const char *name,
                                                        const char *value);
MILTER_AVAILABLE gboolean milter_server_context_header_bytes (MilterServerContext *context,
                                                              const char *name,
                                                              GBytes *value);
MILTER_AVAILABLE gboolean milter_server_context_end_of_header (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_body (MilterServerContext *context,
                                                      const char *chunk,
                                                      gsize size);
MILTER_AVAILABLE gboolean milter_server_context_end_of_message (MilterServerContext *context,
                                                                const char *chunk,
                                                                gsize size);
MILTER_AVAILABLE gboolean milter_server_context_quit (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_abort (MilterServerContext *context);

MILTER_AVAILABLE void
milter_server_context_set_option (MilterServerContext *context, MilterOption *option);
MILTER_AVAILABLE MilterOption *milter_server_context_get_option (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_is_enable_step (MilterServerContext *context,
                                                                MilterStepFlags step);
MILTER_AVAILABLE gboolean milter_server_context_get_skip_body (MilterServerContext *context);
MILTER_AVAILABLE const char *milter_server_context_get_name (MilterServerContext *context);
MILTER_AVAILABLE void
milter_server_context_set_name (MilterServerContext *context, const char *name);
MILTER_AVAILABLE gdouble milter_server_context_get_elapsed (MilterServerContext *context);
MILTER_AVAILABLE gboolean milter_server_context_is_negotiated (MilterServerContext *context);
MILTER_AVAILABLE gboolean
milter_server_context_is_processing_message (MilterServerContext *context);
MILTER_AVAILABLE void milter_server_context_set_processing_message (MilterServerContext *context,
                                                                    gboolean processing_message);
MILTER_AVAILABLE gboolean milter_server_context_is_quitted (MilterServerContext *context);
MILTER_AVAILABLE void
milter_server_context_set_quitted (MilterServerContext *context, gboolean quitted);
MILTER_AVAILABLE void
milter_server_context_reset_message_related_data (MilterServerContext *context);
MILTER_AVAILABLE MilterMessageResult *
milter_server_context_get_message_result (MilterServerContext *context);
MILTER_AVAILABLE void milter_server_context_set_message_result (MilterServerContext *context,
                                                                MilterMessageResult *result);
MILTER_AVAILABLE gboolean milter_server_context_need_reply (MilterServerContext *context,
                                                            MilterServerContextState state);
MILTER_AVAILABLE gboolean
milter_server_context_has_accepted_recipient (MilterServerContext *context);

G_END_DECLS
