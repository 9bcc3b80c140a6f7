/* services/catalogue/search/globe.h: how far places are from each other. Pure.
 *
 * The Earth is a ball of 6,371,008.8 m (the mean radius of the GRS 80 ellipsoid; distances are
 * within 0.6 %). A place is a point in space, in whole centimetres: so the square of a straight
 * line between two fits 64 bits, and every database can compute it. */
#ifndef SERVICES_CATALOGUE_SEARCH_GLOBE_H
#define SERVICES_CATALOGUE_SEARCH_GLOBE_H

#include "base/degrees.h"

#define RADIUS_KM_MAX 500
#define CELLS_MAX     48 /* of one circle */
#define CELL_BYTES    64

struct globe_point {
    int64_t x, y, z; /* cm */
};

/* Millionths of a degree. */
struct globe_point globe_point(int64_t latitude, int64_t longitude);
/* The square of the straight line that is as long as that way over ground, in cm². */
int64_t globe_square(int64_t ground_cm);
/* The way over ground for the square of a straight line, in metres. */
int64_t globe_ground_m(int64_t square);

/* The Earth is covered by cells of four sizes, each with a name of letters and digits. The cells
 * of a place, one of each size. */
#define CELL_SIZES 4
void globe_cells_of(int64_t latitude, int64_t longitude, char out[CELL_SIZES][CELL_BYTES]);
/* The names of cells that cover the circle, of the smallest size that does with CELLS_MAX of them.
 * 0: too many of every size, next to a pole. */
size_t globe_cells_around(int64_t latitude, int64_t longitude, int64_t radius_km,
                          char out[CELLS_MAX][CELL_BYTES]);

#endif
