/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-smtp.h: an SMTP client, as simple as can be: a line, and its reply.
 *
 * It waits where it is called, so that it wants a thread of its own; each wait is bounded.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

#include "milter-message.h"

G_BEGIN_DECLS

/* where an MTA listens, and for how long we wait for it */
typedef struct
{
  struct sockaddr *address; /* owned */
  socklen_t size;
  gint64 timeout_us; /* for each reply */
  const gint *stop;  /* atomic; not 0: everything ends */
} MtaSmtpPeer;

typedef struct _MtaSmtp MtaSmtp;

/* Connects; the banner is the first reply. @from: (nullable) an address of this machine. NULL with @error */
MtaSmtp *mta_smtp_connect (const MtaSmtpPeer *peer, const char *from, GError **error);
/* hangs up */
void mta_smtp_free (MtaSmtp *smtp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MtaSmtp, mta_smtp_free)

/* Sends bytes as they are. An MTA that is gone tells so by its next reply. */
void mta_smtp_send (MtaSmtp *smtp, MilterBytes bytes);
/* A reply, its lines joined by \n; `closed` if the connection has ended, `no reply` if none has come in
 * time: then the connection is closed. (transfer full) */
char *mta_smtp_read_reply (MtaSmtp *smtp);
/* the connection can be used */
gboolean mta_smtp_is_open (const MtaSmtp *smtp);

/* Appends a message as it stands behind DATA: with its dots doubled, and the last line. */
void mta_smtp_append_message (GByteArray *bytes, MilterBytes message);

G_END_DECLS
