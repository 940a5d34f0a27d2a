/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-place.h: for tests: a client, and a folder for its socket.
 */
#pragma once

#include <criterion/criterion.h>
#include <glib/gstdio.h>

#include <milter/client.h>

typedef struct
{
  char *folder;
  char *path;
  char *spec;
  MilterClient *client;
} Place;

static inline Place
place_new (void)
{
  Place place = { g_dir_make_tmp ("client-settings-XXXXXX", NULL), NULL, NULL, NULL };

  place.path = g_build_filename (place.folder, "socket", NULL);
  place.spec = g_strconcat ("unix:", place.path, NULL);
  place.client = milter_client_new ();
  return place;
}

static inline void
place_clear (Place *place)
{
  g_object_unref (place->client);
  g_unlink (place->path);
  cr_expect_eq (g_rmdir (place->folder), 0);
  g_free (place->folder);
  g_free (place->path);
  g_free (place->spec);
}
