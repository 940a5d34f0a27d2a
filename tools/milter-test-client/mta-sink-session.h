/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mta-sink-session.h: one connection on which an MTA delivers mail by SMTP or LMTP; without a socket.
 */
#pragma once

#include "milter-message.h"

G_BEGIN_DECLS

/* the field by which a message is found again; what is delivered is shown without it */
#define MTA_SINK_TAG "X-Milterlab-Case"

/* a message, as it was delivered */
typedef struct
{
  char *tag;        /* (nullable) of the field that names its case */
  char *from;       /* as it stands behind MAIL FROM:, without arguments */
  GPtrArray *to;    /* of char: the same of RCPT TO: */
  GString *content; /* without the field that names its case; CRLF as \n */
} MtaDelivered;

void mta_delivered_free (MtaDelivered *delivered);

typedef struct _MtaSinkSession MtaSinkSession;

/* (transfer full) a message has come */
typedef void (*MtaSinkFunc) (MtaDelivered *delivered, gpointer user_data);

MtaSinkSession *mta_sink_session_new (MtaSinkFunc func, gpointer user_data);
void mta_sink_session_free (MtaSinkSession *session);

/* what is said when it connects */
#define MTA_SINK_BANNER "220 sink.example ESMTP\r\n"
/* Takes what the MTA says, cut anywhere, and appends what is said to it. FALSE: then hang up. */
gboolean mta_sink_session_take (MtaSinkSession *session, MilterBytes bytes, GString *reply);

G_END_DECLS
