/** The storefront: its pages by method and path. */
import type { Storefront } from '../page.ts'
import { account } from './account.ts'
import { cart } from './cart.ts'
import { checkout } from './checkout.ts'
import { home } from './home.ts'
import { invoice } from './invoice.ts'
import { order } from './order.ts'
import { orders } from './orders.ts'
import { createProblemPage } from './problem-page.ts'
import { product } from './product.ts'
import { search } from './search.ts'
import { editProduct, newProduct, sellerProducts } from './seller.ts'

/** `brand`: the product's name, as the system model says. */
export const createStorefront = (brand: string): Storefront => ({
  problemPage: createProblemPage(brand),
  pages: {
    'GET /': home,
    'GET /search': search,
    'GET /products/{productId}': product,
    'GET /cart': cart,
    'GET /checkout': checkout,
    'GET /orders': orders,
    'GET /orders/{orderId}': order,
    'GET /orders/{orderId}/invoice': invoice,
    'GET /account': account,
    'GET /seller': sellerProducts,
    'GET /seller/new': newProduct,
    'GET /seller/products/{productId}': editProduct,
  },
})
