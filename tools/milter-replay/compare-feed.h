/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-feed.h: messages and sessions of a recording, one after another, when they are asked for.
 *
 * A recording is read by a thread of its own, which waits when it is ahead: so two of them are read
 * side by side, whatever their size.
 */
#pragma once

#include "milter-recorded-session.h"
#include "tool-exit.h"

G_BEGIN_DECLS

/* so much may be read ahead */
#define COMPARE_FEED_MAX_ITEMS 256u
#define COMPARE_FEED_MAX_SIZE  ((gsize) 8 << 20)

/**
 * CompareItem:
 * @message: (nullable): a message …
 * @session: … and the session that it is of, as far as it is known: of its members only the answer
 * of the negotiation is there; without a message: (transfer full) a session that has ended
 *
 * What comes next.
 */
typedef struct
{
  MilterRecordedMessage *message;
  MilterRecordedSession *session;
  gsize size;
} CompareItem;

void compare_item_free (CompareItem *item);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CompareItem, compare_item_free)

typedef struct _CompareFeed CompareFeed;

/* @path: as of read_recordings(); a copy is kept */
CompareFeed *compare_feed_new (const char *path);
/* Reading ends as soon as it can. */
void compare_feed_free (CompareFeed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CompareFeed, compare_feed_free)

/* (transfer full) (nullable): what comes next; NULL: the recording has ended, or could not be read
 * on */
CompareItem *compare_feed_next (CompareFeed *feed);
/* how it ended, as read_recordings() returns it; valid when there is nothing more */
ToolExit compare_feed_get_status (CompareFeed *feed);
/* when the recording began, in nanoseconds since 1970; valid with the first item */
gint64 compare_feed_get_start_ns (CompareFeed *feed);

G_END_DECLS
