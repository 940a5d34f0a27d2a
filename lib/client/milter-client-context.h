/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-context.h: one connection of an MTA, as a milter sees it.
 *
 * Each event is a signal that returns a #MilterStatus; the answer goes to the MTA when the handlers
 * have returned. A handler that needs time returns %MILTER_STATUS_PROGRESS and emits the event's
 * `…-response` signal later, from any thread. An MTA that closes its unix socket, or resets its TCP
 * connection, meanwhile is told by "error" and "finished", and the answer counts for nothing.
 *
 * A context lives in one thread, the one that "connection-established" was emitted in. From any
 * other thread, response signals, edits, milter_client_context_set_reply() and
 * milter_client_context_shutdown() are handed over to it, in order; what is then found wrong is
 * told by the signal "error". Everything else belongs to the context's own thread.
 */
#pragma once

#include <gio/gio.h>
#include <milter/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "milter-client-enum-types.h"
#include "milter-client-enums.h"
#include "milter-client-handlers.h"

G_BEGIN_DECLS

#define MILTER_TYPE_CLIENT_CONTEXT (milter_client_context_get_type ())
#define MILTER_CLIENT_CONTEXT(obj)                                                                 \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), MILTER_TYPE_CLIENT_CONTEXT, MilterClientContext))
#define MILTER_CLIENT_CONTEXT_CLASS(klass)                                                         \
  (G_TYPE_CHECK_CLASS_CAST ((klass), MILTER_TYPE_CLIENT_CONTEXT, MilterClientContextClass))
#define MILTER_IS_CLIENT_CONTEXT(obj)                                                              \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), MILTER_TYPE_CLIENT_CONTEXT))
#define MILTER_IS_CLIENT_CONTEXT_CLASS(klass)                                                      \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), MILTER_TYPE_CLIENT_CONTEXT))
#define MILTER_CLIENT_CONTEXT_GET_CLASS(obj)                                                       \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), MILTER_TYPE_CLIENT_CONTEXT, MilterClientContextClass))

typedef struct _MilterClientContextClass MilterClientContextClass;
typedef struct _MilterClientContextPrivate MilterClientContextPrivate;

/**
 * MilterGenericSocketAddress:
 * @base: its family
 * @inet: of `AF_INET`
 * @inet6: of `AF_INET6`
 * @un: of `AF_UNIX`
 * @storage: room for any
 *
 * Any address that a socket may have.
 */
typedef union
{
  struct sockaddr base;
  struct sockaddr_in inet;
  struct sockaddr_in6 inet6;
  struct sockaddr_un un;
  struct sockaddr_storage storage;
} MilterGenericSocketAddress;

/**
 * MilterClientContext:
 *
 * One connection of an MTA, as a milter sees it.
 *
 * Each event is a signal that returns a [enum@MilterCore.Status]; the answer goes to the MTA when
 * the handlers have returned. A handler that needs time returns %MILTER_STATUS_PROGRESS and emits
 * the event's `…-response` signal later, from any thread. Everything else but edits,
 * milter_client_context_set_reply() and milter_client_context_shutdown() belongs to the thread that
 * "connection-established" was emitted in.
 */
struct _MilterClientContext
{
  MilterProtocolAgent parent_instance;

  /*< private >*/
  MilterClientContextPrivate *priv;
};

/**
 * MilterClientContextClass:
 *
 * The class functions have the names and arguments of the event signals, so that a subclass works
 * without g_signal_connect(). They are called after connected handlers, if those let the event
 * pass; a class function counts as a handler when the default negotiation asks for events.
 */
struct _MilterClientContextClass
{
  MilterProtocolAgentClass parent_class;

  MilterStatus (*negotiate) (MilterClientContext *context,
                             MilterOption *option,
                             MilterMacrosRequests *requests);
  MilterStatus (*connect) (MilterClientContext *context,
                           const char *host_name,
                           struct sockaddr *address,
                           socklen_t address_length);
  MilterStatus (*helo) (MilterClientContext *context, const char *fqdn);
  MilterStatus (*envelope_from) (MilterClientContext *context, const char *from);
  MilterStatus (*envelope_recipient) (MilterClientContext *context, const char *recipient);
  MilterStatus (*data) (MilterClientContext *context);
  MilterStatus (*unknown) (MilterClientContext *context, const char *command);
  MilterStatus (*header) (MilterClientContext *context, const char *name, const char *value);
  MilterStatus (*end_of_header) (MilterClientContext *context);
  MilterStatus (*body) (MilterClientContext *context, const char *chunk, gsize size);
  MilterStatus (*end_of_message) (MilterClientContext *context, const char *chunk, gsize size);
  MilterStatus (*abort) (MilterClientContext *context, MilterClientContextState state);
  /* instead of those above that hand out strings, in a context that uses bytes */
  MilterStatus (*connect_bytes) (MilterClientContext *context,
                                 GBytes *host_name,
                                 GSocketAddress *address);
  MilterStatus (*helo_bytes) (MilterClientContext *context, GBytes *fqdn);
  MilterStatus (*envelope_from_bytes) (MilterClientContext *context, GBytes *from);
  MilterStatus (*envelope_recipient_bytes) (MilterClientContext *context, GBytes *recipient);
  MilterStatus (*unknown_bytes) (MilterClientContext *context, GBytes *command);
  MilterStatus (*header_bytes) (MilterClientContext *context, GBytes *name, GBytes *value);
  MilterStatus (*body_bytes) (MilterClientContext *context, GBytes *chunk);
  MilterStatus (*end_of_message_bytes) (MilterClientContext *context, GBytes *chunk);

  void (*define_macro) (MilterClientContext *context, MilterCommand command, GHashTable *macros);
  void (*timeout) (MilterClientContext *context);
  void (*message_processed) (MilterClientContext *context, MilterMessageResult *result);
  void (*error) (MilterClientContext *context, GError *error);
  void (*finished) (MilterClientContext *context);

  /*< private >*/
  gpointer padding[8];
};

/**
 * MilterClientMailTransactionShelfFunc:
 * @key: the key
 * @value: its value
 * @user_data: what was passed to milter_client_context_mail_transaction_shelf_foreach()
 *
 * Is called for each value on the shelf of a message.
 */
typedef void (*MilterClientMailTransactionShelfFunc) (const char *key,
                                                      const char *value,
                                                      gpointer user_data);

#define MILTER_CLIENT_CONTEXT_ERROR (milter_client_context_error_quark ())
MILTER_AVAILABLE GQuark milter_client_context_error_quark (void);
MILTER_AVAILABLE GType milter_client_context_get_type (void);
MILTER_AVAILABLE MilterClientContext *milter_client_context_new (MilterClient *client);
MILTER_AVAILABLE MilterClient *milter_client_context_get_client (MilterClientContext *context);
MILTER_AVAILABLE void milter_client_context_set_handlers (MilterClientContext *context,
                                                          const MilterClientHandlers *handlers,
                                                          gpointer user_data);
MILTER_AVAILABLE gboolean milter_client_context_feed (MilterClientContext *context,
                                                      const char *chunk,
                                                      gsize size,
                                                      GError **error);
MILTER_AVAILABLE void milter_client_context_shutdown (MilterClientContext *context);

MILTER_AVAILABLE gpointer milter_client_context_get_private_data (MilterClientContext *context);
MILTER_AVAILABLE void milter_client_context_set_private_data (MilterClientContext *context,
                                                              gpointer data,
                                                              GDestroyNotify destroy);

/* the ESMTP arguments of the MAIL or RCPT that is being handled */
MILTER_AVAILABLE char **milter_client_context_get_envelope_arguments (MilterClientContext *context);

MILTER_AVAILABLE gboolean milter_client_context_set_reply (MilterClientContext *context,
                                                           guint code,
                                                           const char *extended_code,
                                                           const char *message,
                                                           GError **error);
MILTER_AVAILABLE char *milter_client_context_format_reply (MilterClientContext *context);

MILTER_AVAILABLE gboolean milter_client_context_add_header (MilterClientContext *context,
                                                            const char *name,
                                                            const char *value,
                                                            GError **error);
MILTER_AVAILABLE gboolean milter_client_context_insert_header (MilterClientContext *context,
                                                               guint32 index,
                                                               const char *name,
                                                               const char *value,
                                                               GError **error);
MILTER_AVAILABLE gboolean milter_client_context_change_header (MilterClientContext *context,
                                                               const char *name,
                                                               guint32 index,
                                                               const char *value,
                                                               GError **error);
MILTER_AVAILABLE gboolean milter_client_context_delete_header (MilterClientContext *context,
                                                               const char *name,
                                                               guint32 index,
                                                               GError **error);
MILTER_AVAILABLE gboolean milter_client_context_change_from (MilterClientContext *context,
                                                             const char *from,
                                                             const char *parameters,
                                                             GError **error);
MILTER_AVAILABLE gboolean milter_client_context_add_recipient (MilterClientContext *context,
                                                               const char *recipient,
                                                               const char *parameters,
                                                               GError **error);
MILTER_AVAILABLE gboolean milter_client_context_delete_recipient (MilterClientContext *context,
                                                                  const char *recipient,
                                                                  GError **error);
MILTER_AVAILABLE gboolean milter_client_context_replace_body (MilterClientContext *context,
                                                              const char *body,
                                                              gsize body_size,
                                                              GError **error);
MILTER_AVAILABLE gboolean milter_client_context_replace_body_bytes (MilterClientContext *context,
                                                                    GBytes *body,
                                                                    GError **error);
/* the edits that have strings, with bytes that need not be UTF-8 */
MILTER_AVAILABLE gboolean milter_client_context_add_header_bytes (MilterClientContext *context,
                                                                  const char *name,
                                                                  GBytes *value,
                                                                  GError **error);
MILTER_AVAILABLE gboolean milter_client_context_insert_header_bytes (MilterClientContext *context,
                                                                     guint32 index,
                                                                     const char *name,
                                                                     GBytes *value,
                                                                     GError **error);
MILTER_AVAILABLE gboolean milter_client_context_change_header_bytes (MilterClientContext *context,
                                                                     const char *name,
                                                                     guint32 index,
                                                                     GBytes *value,
                                                                     GError **error);
MILTER_AVAILABLE gboolean milter_client_context_change_from_bytes (MilterClientContext *context,
                                                                   GBytes *from,
                                                                   const char *parameters,
                                                                   GError **error);
MILTER_AVAILABLE gboolean milter_client_context_add_recipient_bytes (MilterClientContext *context,
                                                                     GBytes *recipient,
                                                                     const char *parameters,
                                                                     GError **error);
MILTER_AVAILABLE gboolean
milter_client_context_delete_recipient_bytes (MilterClientContext *context,
                                              GBytes *recipient,
                                              GError **error);
MILTER_AVAILABLE gboolean milter_client_context_progress (MilterClientContext *context);
MILTER_AVAILABLE gboolean milter_client_context_quarantine (MilterClientContext *context,
                                                            const char *reason);
MILTER_AVAILABLE void
milter_client_context_set_quarantine_reason (MilterClientContext *context, const char *reason);
MILTER_AVAILABLE const char *
milter_client_context_get_quarantine_reason (MilterClientContext *context);

MILTER_AVAILABLE void
milter_client_context_set_timeout (MilterClientContext *context, guint timeout);
MILTER_AVAILABLE guint milter_client_context_get_timeout (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_set_state (MilterClientContext *context, MilterClientContextState state);
MILTER_AVAILABLE MilterClientContextState
milter_client_context_get_state (MilterClientContext *context);
MILTER_AVAILABLE MilterClientContextState
milter_client_context_get_last_state (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_set_status (MilterClientContext *context, MilterStatus status);
MILTER_AVAILABLE MilterStatus milter_client_context_get_status (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_set_option (MilterClientContext *context, MilterOption *option);
MILTER_AVAILABLE MilterOption *milter_client_context_get_option (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_set_socket_address (MilterClientContext *context,
                                          MilterGenericSocketAddress *address);
MILTER_AVAILABLE MilterGenericSocketAddress *
milter_client_context_get_socket_address (MilterClientContext *context);
MILTER_AVAILABLE GSocketAddress *
milter_client_context_get_peer_address (MilterClientContext *context);
MILTER_AVAILABLE GSocketAddress *
milter_client_context_get_connect_address (MilterClientContext *context);
MILTER_AVAILABLE MilterMessageResult *
milter_client_context_get_message_result (MilterClientContext *context);
MILTER_AVAILABLE void milter_client_context_set_message_result (MilterClientContext *context,
                                                                MilterMessageResult *result);
MILTER_AVAILABLE void
milter_client_context_reset_message_related_data (MilterClientContext *context);
MILTER_AVAILABLE guint
milter_client_context_get_n_processing_sessions (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_set_use_bytes (MilterClientContext *context, gboolean use);
MILTER_AVAILABLE gboolean milter_client_context_get_use_bytes (MilterClientContext *context);

MILTER_AVAILABLE void
milter_client_context_set_mail_transaction_shelf_value (MilterClientContext *context,
                                                        const char *key,
                                                        const char *value);
MILTER_AVAILABLE const char *
milter_client_context_get_mail_transaction_shelf_value (MilterClientContext *context,
                                                        const char *key);
MILTER_AVAILABLE GHashTable *
milter_client_context_get_mail_transaction_shelf (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_clear_mail_transaction_shelf (MilterClientContext *context);
MILTER_AVAILABLE void
milter_client_context_mail_transaction_shelf_foreach (MilterClientContext *context,
                                                      MilterClientMailTransactionShelfFunc func,
                                                      gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterClientContext, g_object_unref)

G_END_DECLS
