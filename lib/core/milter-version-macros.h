/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-version-macros.h: which symbols the shared libraries show.
 *
 * Everything is built hidden; a public declaration begins with MILTER_AVAILABLE. What the
 * client and server libraries need of core and io, and programs do not, is shown too, is called
 * _milter_… and stands in a -private.h header that is not installed.
 */
#pragma once

#if defined(__GNUC__)
#define MILTER_AVAILABLE __attribute__ ((visibility ("default"))) extern
#else
#define MILTER_AVAILABLE extern
#endif
