/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-proxy.h: passes bytes on between MTAs and a milter, and tells what passed.
 */
#pragma once

#include "milter-connection-spec.h"
#include "milter-io-private.h"
#include "record-log.h"

G_BEGIN_DECLS

/**
 * RecordProxySettings:
 * @milter: where the milter listens
 * @max_connections: at once; more of them wait to be accepted
 * @n_sessions: it takes no more than so many connections; 0: any number
 * @timeout_us: a connection on which nothing has passed for so long is closed; 0: never
 *
 * What a proxy is told.
 */
typedef struct
{
  const MilterConnectionSpec *milter; /* unowned */
  guint max_connections;
  guint64 n_sessions;
  gint64 timeout_us;
} RecordProxySettings;

typedef struct _RecordProxy RecordProxy;

/* @fd: listens; becomes the proxy's. finished: the connections that were to be taken are over; called
 * from the loop. */
RecordProxy *record_proxy_new (MilterIoLoop *loop,
                               int fd,
                               const RecordProxySettings *settings,
                               RecordLog *log,
                               void (*finished) (gpointer data),
                               gpointer data,
                               GError **error);
/* Takes no more, and closes what is open: what has come still leaves. */
void record_proxy_free (RecordProxy *proxy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RecordProxy, record_proxy_free)

guint record_proxy_get_n_connections (const RecordProxy *proxy);
/* how many of them never reached the milter */
guint record_proxy_get_n_unreached (const RecordProxy *proxy);
guint64 record_proxy_get_n_bytes (const RecordProxy *proxy, MilterSide from);

G_END_DECLS
