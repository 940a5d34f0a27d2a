/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-recorded-builder.h: from what a sink is told to messages and sessions.
 *
 * Any recording, and any session that is being played, is told in the words of a sink; here they
 * become messages, each with its answers. A message is handed over when nothing of it can come any
 * more, a session when its connection has ended.
 *
 * Memory: of each connection that is open, what the limits allow, and at most
 * MILTER_RECORDED_MAX_DUE commands that wait for their answer.
 */
#pragma once

#include "milter-recorded-session.h"

G_BEGIN_DECLS

/* commands of a connection that wait for an answer: an MTA that sends ahead has a few, a window of
 * TCP holds some thousands */
#define MILTER_RECORDED_MAX_DUE 4096u
/* of a connection, all together */
#define MILTER_RECORDED_MAX_OPEN 64u

/**
 * MilterRecordedLimits:
 * @max_body: so many bytes of a body, or of a replacement of it, are kept
 * @max_kept: bytes that all open messages of one connection may take; what is beyond is left out of
 * a body, and makes a message %MILTER_RECORDED_TOO_LARGE otherwise
 * @digests: bodies that are not kept whole have a digest
 * @bare: only what is counted is kept: no header fields and macros, nor what commands are about, and
 * header fields and body chunks in a row are one whatever they were answered; messages have no mail
 */
typedef struct
{
  gsize max_body;
  gsize max_kept;
  bool digests;
  bool bare;
} MilterRecordedLimits;

/* a megabyte of a body, four of a connection, and digests: what is compared needs them */
extern const MilterRecordedLimits milter_recorded_limits_default;
/* nothing of bodies but their sizes */
extern const MilterRecordedLimits milter_recorded_limits_no_bodies;
/* … and bare: for who counts */
extern const MilterRecordedLimits milter_recorded_limits_bare;

/**
 * MilterRecordedEvents:
 * @answered: a command has got its answer, or will not get one (@command's answer tells); each one
 * of several in a row. @message: (nullable): it belongs to; both live as long as the call
 * @message: nothing of it comes any more. (transfer full): the message. @session: as far as it is
 * known
 * @session: its connection has ended, or QUIT_NC came; all of its messages were told. (transfer
 * full)
 *
 * What a builder tells. Each may be %NULL.
 */
typedef struct
{
  void (*answered) (const MilterRecordedSession *session,
                    const MilterRecordedMessage *message,
                    const MilterRecordedCommand *command,
                    gpointer data);
  void (*message) (const MilterRecordedSession *session,
                   MilterRecordedMessage *message,
                   gpointer data);
  void (*session) (MilterRecordedSession *session, gpointer data);
} MilterRecordedEvents;

typedef struct _MilterRecordedBuilder MilterRecordedBuilder;

/* the sink to tell; its data is a builder */
extern const MilterCaptureSink milter_recorded_sink;

/* @limits: (nullable) milter_recorded_limits_default; @events lives longer */
MilterRecordedBuilder *milter_recorded_builder_new (const MilterRecordedLimits *limits,
                                                    const MilterRecordedEvents *events,
                                                    gpointer data);
/* What was not told yet is not told. */
void milter_recorded_builder_free (MilterRecordedBuilder *builder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterRecordedBuilder, milter_recorded_builder_free)

/* The recording has ended: tells all that is open, as cut off. */
void milter_recorded_builder_finish (MilterRecordedBuilder *builder);

G_END_DECLS
