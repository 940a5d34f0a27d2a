/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter/client.h: all of the milter-client library that programs use.
 */
#pragma once

#include <milter/core.h>
