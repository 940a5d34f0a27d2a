/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-accounts-private.h: users and groups by name or number.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct
{
  uid_t uid;
  char *name;    /* (nullable): NULL for a number that has no entry */
  bool has_entry; /* ... and then there is no group either */
  gid_t gid;
} MilterClientUser;

/* (transfer full) (nullable): a user's name, or a number, which needs no entry */
G_GNUC_INTERNAL MilterClientUser *milter_client_user_find (const char *text, GError **error);
G_GNUC_INTERNAL void milter_client_user_free (MilterClientUser *user);
/* a group's name, or a number, which needs no entry */
G_GNUC_INTERNAL bool milter_client_group_find (const char *text, gid_t *gid, GError **error);
/* digits alone, and not the number that means "leave it" to the system */
G_GNUC_INTERNAL bool milter_client_read_id (const char *text, guint32 *id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterClientUser, milter_client_user_free)

G_END_DECLS
