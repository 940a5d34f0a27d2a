/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-private.h: what the files of --conformance-rules share.
 *
 * conformance-rules.c has the events of a connection, conformance-acts.c what X-Act asks for, and
 * conformance-tell.c what it is told.
 */
#pragma once

#include <milter/client.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* what an answer at a place is to be */
typedef struct
{
  const char *word;
  MilterStatus status;
} ConformanceVerdict;

/* what is known of a connection; texts are as they came */
typedef struct
{
  MilterClientContext *context; /* unowned */
  bool leading_blank;           /* HDR_LEADSPC was agreed */

  /* of the connection */
  GString *connect; /* HOST FAMILY [ADDRESS PORT] */
  GString *helo;
  GString *connect_macro; /* {client_addr} when it connected */

  /* of the message */
  GString *mail;        /* ADDRESS [ARGUMENT…] */
  GString *mail_macro;  /* {mail_addr} at MAIL */
  GString *rcpts;       /* accepted ones, and their arguments */
  GString *rcpt_macros; /* {rcpt_addr} at each RCPT */
  guint n_rcpts;
  GPtrArray *names, *values; /* of char: header fields, in order */
  guint64 body_size, body_sum;
  GPtrArray *acts;                      /* of char: X-Act */
  const ConformanceVerdict *at_data;    /* (nullable) asked for by a recipient */
  const ConformanceVerdict *at_eoh;     /* (nullable) by X-At */
  const ConformanceVerdict *at_body;    /* (nullable) */
} ConformanceState;

/* (nullable) a verdict by its word; @text ends at one of @stops, or with the string */
const ConformanceVerdict *conformance_find_verdict (const char *text, const char *stops);
/* what a handler returns for it; sets the reply that it may have */
MilterStatus conformance_do_verdict (ConformanceState *state, const ConformanceVerdict *verdict);

/* --- conformance-acts.c: all that X-Act asks for; what the end of the message is answered with */
MilterStatus conformance_act (ConformanceState *state);
/* adds a field, as HDR_LEADSPC wants it */
void conformance_add (ConformanceState *state, const char *name, const char *value);

/* --- conformance-tell.c: `tell WHAT` */
void conformance_tell (ConformanceState *state, const char *what);

G_END_DECLS
